//! An upload in parts to an S3-compatible store: the end commits it, a destroy takes
//! it back.
//!
//! ```sh
//! cargo run --release -p highwater-uses --bin upload
//! export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…
//! cargo run --release -p highwater-uses --bin upload -- --endpoint https://s3.example.org --bucket mine
//! ```
//!
//! What has been written is on its way to the store in parts of 5 MiB; the object is
//! there, all at once, when `end` returns. In memory is what the stream holds, and
//! three parts.

use std::process::ExitCode;

use clap::Parser;
use highwater_uses::lines::{Check, LINE};
use highwater_uses::report::{Form, Output, Report};
use highwater_uses::{Failure, Totals, run, s3, say, stopped};
use object_store::ObjectStoreExt;
use object_store::buffered::BufReader;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;

mod parts;
mod target;

use parts::{ON_THEIR_WAY, PART};
use target::{Outcome, Target};

/// Upload numbered lines to an S3-compatible store, in parts.
#[derive(Parser)]
#[command(name = "upload", version)]
struct Arguments {
    /// The length of the object, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=40_000))]
    size: u32,
    /// How many buffered bytes make the producer wait.
    #[arg(long, value_name = "BYTES", default_value_t = 1024 * 1024)]
    high_water_mark: u64,
    /// The store; one on loopback, over a temporary folder, without it. The credentials
    /// are read from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the like.
    #[arg(long, value_name = "URL", requires = "bucket", value_parser = url)]
    endpoint: Option<String>,
    /// The bucket, which must exist.
    #[arg(long, value_name = "NAME", requires = "endpoint")]
    bucket: Option<String>,
    /// The name of the object, which is replaced.
    #[arg(long, value_name = "KEY", default_value = "highwater/lines.txt")]
    key: String,
    #[command(flatten)]
    output: Output,
}

fn url(text: &str) -> Result<String, &'static str> {
    if text.starts_with("http://") || text.starts_with("https://") {
        Ok(text.to_owned())
    } else {
        Err("it does not begin with http:// or https://")
    }
}

fn main() -> ExitCode {
    run("upload", upload)
}

async fn upload(arguments: Arguments, stop: watch::Receiver<bool>) -> Result<(), Failure> {
    match (&arguments.endpoint, &arguments.bucket) {
        (Some(endpoint), Some(bucket)) => {
            let target = Target::from_environment(endpoint, bucket, &arguments.key)?;
            let totals = commit(&arguments, &target, stop).await?;
            arguments.output.say("", &totals.report())
        }
        _ => show(&arguments, stop).await,
    }
}

impl Arguments {
    /// In bytes.
    fn size(&self) -> u64 {
        u64::from(self.size) * 1024 * 1024
    }
}

/// Uploads all of it, and reads it back.
async fn commit(
    arguments: &Arguments,
    target: &Target,
    stop: watch::Receiver<bool>,
) -> Result<Totals, Failure> {
    let size = arguments.size();
    let mark = arguments.high_water_mark;
    let output = arguments.output;
    let mut stopping = stop.clone();
    let totals = match target.send(mark, size, size, stop, output).await? {
        Outcome::Committed(totals) => totals,
        // With nothing but Ctrl-C to stop it.
        Outcome::TakenBack(back) => {
            return Err(Failure::interrupted(back.line(output.of_stderr())));
        }
    };
    let verified = tokio::select! {
        verified = verify(target) => verified?,
        () = stopped(&mut stopping) => {
            let report = Report::new()
                .bytes("written", "written", size)
                .bytes("unsent", "not sent", 0);
            let bytes = report.sentence(output.of_stderr());
            return Err(Failure::interrupted(format!(
                "{bytes}, committed, but not read back to the end"
            )));
        }
    };
    if verified != size {
        return Err(Failure::new(format!(
            "{verified} of {size} bytes are in the store"
        )));
    }
    let report = Report::new()
        .bytes("written", "written", totals.delivered)
        .bytes("verified", "read back, each byte verified", verified)
        .count("waits", "times the producer waited", totals.waits)
        .bytes("peak", "most in the stream at once", totals.peak);
    output.say("committed", &report)?;
    let totals = Totals::from(&totals);
    if totals.peak > mark.saturating_add(LINE as u64) {
        let peak = totals.peak;
        return Err(Failure::new(format!(
            "a stream with a mark of {mark} bytes held {peak}"
        )));
    }
    Ok(totals)
}

/// How many bytes there are, all of them right.
async fn verify(target: &Target) -> Result<u64, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::of("reading it back", error);
    let about = target.store.head(&target.key).await;
    let about = about.map_err(|error| failed(&error))?;
    let mut object = BufReader::new(target.store.clone(), &about);
    let mut check = Check::default();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let count = object.read(&mut piece).await;
        let count = count.map_err(|error| failed(&error))?;
        if count == 0 {
            return Ok(check.position());
        }
        if let Err(at) = check.take(&piece[..count]) {
            return Err(Failure::new(format!("a wrong byte after {at}")));
        }
    }
}

/// How many bytes a second the store on loopback reads of each part.
const RATE: u32 = 32 * 1024 * 1024;

/// To a store of its own: one upload that is ended, and one that is destroyed when half
/// of it is written.
async fn show(arguments: &Arguments, stop: watch::Receiver<bool>) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::of("a temporary folder", &error))?;
    let store = s3::store(folder.path())?;
    let address = s3::serve(Some(RATE), store).await?;
    let endpoint = format!("http://{address}");
    let target = Target::with(&endpoint, s3::BUCKET, &arguments.key, s3::CREDENTIALS)?;
    let mut totals = commit(arguments, &target, stop.clone()).await?;

    let files =
        || s3::files(folder.path()).map_err(|error| Failure::of("the folder of the store", &error));
    let before = files()?;
    let size = arguments.size();
    let target = Target {
        key: format!("{}.destroyed", arguments.key).into(),
        ..target
    };
    let mark = arguments.high_water_mark;
    let output = arguments.output;
    let outcome = target
        .send(mark, size, size / 2, stop.clone(), output)
        .await?;
    let Outcome::TakenBack(back) = outcome else {
        return Err(Failure::new("what was destroyed has been committed"));
    };
    if *stop.borrow() {
        return Err(Failure::interrupted(back.line(output.of_stderr())));
    }
    if back.totals.delivered + back.unsent != back.totals.accepted {
        let line = back.line(output.of_stderr());
        return Err(Failure::new(format!("bytes are missing: {line}")));
    }
    let left = files()?;
    if left != before {
        return Err(Failure::new(format!("it left something behind: {left:?}")));
    }
    let line = back.line(output.of_stdout());
    let behind = match output.of_stdout() {
        Form::People => ", nothing left behind",
        Form::Programs => " left_behind=0",
    };
    say(&format!("destroyed: {line}{behind}"))?;
    totals.add(&back.totals);
    let parts = (ON_THEIR_WAY + 1) * PART / 1024;
    let bounds = Report::new()
        .kib("mark", "mark of the stream", Some(mark / 1024))
        .kib("parts", "parts on their way", Some(parts as u64));
    output.say("bound", &bounds)?;
    output.say("", &totals.report())
}
