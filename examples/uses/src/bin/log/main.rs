//! A log of several threads, through a stream, into a file.
//!
//! ```sh
//! cargo run --release -p highwater-uses --bin log
//! cargo run --release -p highwater-uses --bin log -- --rotate /tmp/events.log
//! ```
//!
//! Without a path it shows, in a temporary folder: a log that is rotated while four
//! threads write to it; a slow sink that really slows them down; what the
//! same costs with tracing-appender, in time and in lines that are lost; and logs as a
//! service has them, beside tracing-appender's rolling file: into a file that is moved away, with
//! each policy of a log that is full, and into a socket that takes a datagram a line. In each
//! of them every line is looked for afterwards.

mod deployed;
mod events;
mod peers;
mod slow;
mod verify;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use clap::Parser;
use highwater::log::{Log, WhenFull};
use highwater::sink::Reopen;
use highwater::{Chunk, Destroy, EndError, Snapshot, Writable};
use highwater_uses::descriptors::is_not_standard_output;
use highwater_uses::progress::Bar;
use highwater_uses::report::{Output, Report};
use highwater_uses::{Failure, Totals, causes, left_of, on_a_thread, on_stop, run, say};
use tokio::sync::watch;

use events::{Events, Rotation};
use slow::Slow;

/// Log events from several threads into a file, through a bounded stream.
#[derive(Clone, Parser)]
#[command(name = "log", version)]
struct Arguments {
    /// How many events, from all threads together.
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
    /// How many threads.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: u64,
    /// How many buffered bytes make the log full.
    #[arg(long, value_name = "BYTES", default_value_t = 64 * 1024)]
    high_water_mark: u64,
    /// At how many bytes threads that wait go on.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    low_water_mark: u64,
    /// In the middle, rename the file to PATH.1 and go on in a new one.
    #[arg(long)]
    rotate: bool,
    /// When the log is full, drop lines and count them, instead of waiting.
    #[arg(long)]
    drop: bool,
    /// Write so slowly.
    #[arg(long, value_name = "N")]
    bytes_per_second: Option<u64>,
    #[command(flatten)]
    output: Output,
    /// The file, which is appended to; its folder must exist. Without it, a
    /// demonstration in a temporary folder.
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
}

impl Arguments {
    /// Shows how many of the events are logged.
    fn bar(&self, events: u64, what: &str) -> Bar {
        let template = "{bar:40} {human_pos} of {human_len} events, {msg}";
        let bar = self.output.bar(events, template);
        bar.show(0, || what.to_owned());
        bar
    }
}

fn main() -> ExitCode {
    run("log", start)
}

async fn start(arguments: Arguments, stop: watch::Receiver<bool>) -> Result<(), Failure> {
    let (interrupt, interrupted) = mpsc::channel();
    on_stop(stop, move || {
        let _ = interrupt.send(());
    });
    on_a_thread(move || match &arguments.path {
        Some(path) => {
            let log = write_log(&arguments, path, &interrupted)?;
            arguments.output.say("", &log.report())
        }
        None => demonstrate(&arguments, &interrupted),
    })
    .await
}

/// What has become of a log.
struct Logged {
    events: u64,
    dropped: u64,
    totals: Snapshot,
    producers: Duration,
    all: Duration,
    /// Not for what is no file.
    verified: bool,
}

impl Logged {
    fn report(&self) -> Report {
        let verified = if self.verified { "yes" } else { "no" };
        Report::new()
            .count("events", "events", self.events)
            .bytes("bytes", "written", self.totals.delivered)
            .count("dropped", "lines dropped", self.dropped)
            .fact(("verified", verified), ("every line looked for", verified))
            .time("logging", "time of the threads", self.producers)
            .time("took", "time until all was written", self.all)
            .and(Totals::from(&self.totals).report())
    }
}

type Sink = Box<dyn Write + Send>;

/// How often it looks whether it is interrupted.
const TICK: Duration = Duration::from_millis(20);

/// Opening a pipe waits for its reader, which may never come.
fn open_file(path: &Path, interrupted: &Receiver<()>) -> Result<io::Result<Reopen>, Failure> {
    let path = path.to_owned();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(Reopen::open(path)));
    loop {
        if interrupted.try_recv().is_ok() {
            return Err(Failure::interrupted(
                "the file is not open, nothing is written",
            ));
        }
        match told.recv_timeout(TICK) {
            Ok(opened) => return Ok(opened),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::new("the thread that opens the file has panicked"));
            }
        }
    }
}

fn was_interrupted<W>(stream: Destroy<W>) -> Failure {
    let unfinished = left_of(stream);
    let (written, unsent) = (unfinished.totals.delivered, bytes(&unfinished.unsent));
    let mut text = format!("{written} bytes are written, {unsent} bytes were not sent");
    if unfinished.in_doubt > 0 {
        text.push_str(&format!(", {} are in doubt", unfinished.in_doubt));
    }
    Failure::interrupted(text)
}

/// One log, and a look at what arrived.
fn write_log(
    arguments: &Arguments,
    path: &Path,
    interrupted: &Receiver<()>,
) -> Result<Logged, Failure> {
    let place = path.display().to_string();
    let failed = |error: &dyn std::error::Error| Failure::of(&place, error);
    let file = open_file(path, interrupted)?.map_err(|error| failed(&error))?;
    // The report would overwrite the first lines. A pipe is not opened once more.
    if let (true, Ok(file)) = (path.is_file(), File::open(path)) {
        is_not_standard_output(&file).map_err(|error| failed(&error))?;
    }
    let before = fs::metadata(path).map_err(|error| failed(&error))?;
    let reopener = file.reopener();
    let rotation = arguments.rotate.then(|| Rotation::new(path, reopener));
    let log = open(arguments, file).map_err(|error| failed(&error))?;
    let writer = log.writer();
    let events = Events::start(arguments.events, arguments.threads, rotation, log.writer());

    let bar = arguments.bar(arguments.events, "through the stream");
    let Some(producers) = events.wait(interrupted, &bar) else {
        return Err(was_interrupted(log.destroy()));
    };
    let totals = end(log, &place, interrupted)?;
    let logged = Logged {
        events: events.count(),
        dropped: writer.dropped() as u64,
        totals,
        producers: producers?,
        all: events.started().elapsed(),
        verified: before.is_file(),
    };
    if logged.verified {
        logged.verify(arguments, path, before.len())?;
    }
    Ok(logged)
}

/// Ends the log, unless it is interrupted meanwhile: its counters at the end.
fn end(log: Log<Sink>, place: &str, interrupted: &Receiver<()>) -> Result<Snapshot, Failure> {
    let writer = log.writer();
    let mut end = log.end();
    loop {
        match end.wait_timeout(TICK) {
            Ok(done) => return Ok(done.totals),
            Err(EndError::TimedOut) => {}
            Err(EndError::Failed {
                cause, unfinished, ..
            }) => {
                return Err(Failure::new(format!(
                    "{place}: {cause} ({} bytes are written, {} are not, {} lines came after that)",
                    unfinished.totals.delivered,
                    bytes(&unfinished.unsent),
                    writer.dropped(),
                )));
            }
            Err(error) => return Err(Failure::new(format!("{place}: {}", causes(&error)))),
        }
        if interrupted.try_recv().is_ok() {
            return Err(was_interrupted(end.destroy()));
        }
    }
}

fn open(arguments: &Arguments, file: Reopen) -> Result<Log<Sink>, highwater::SpawnError<Sink>> {
    let stream = Writable::builder()
        .high_water_mark(arguments.high_water_mark)
        .low_water_mark(arguments.low_water_mark);
    let when_full = if arguments.drop {
        WhenFull::Drop
    } else {
        WhenFull::Wait
    };
    let sink: Sink = match arguments.bytes_per_second {
        Some(rate) => Box::new(Slow::new(file, rate)),
        None => Box::new(file),
    };
    Log::builder()
        .stream(stream)
        .when_full(when_full)
        .on_error(|_| ()) // `end` says it too
        .spawn(sink)
}

fn bytes(unsent: &[Chunk]) -> u64 {
    unsent.iter().map(|chunk| chunk.len() as u64).sum()
}

impl Logged {
    /// Every line that was not dropped is there.
    fn verify(&self, arguments: &Arguments, path: &Path, behind: u64) -> Result<(), Failure> {
        let mut files = vec![path.to_owned()];
        if arguments.rotate {
            files.insert(0, events::rotated(path));
        }
        let found = verify::lines(&files, behind, arguments.threads)?;
        let expected = self.events - self.dropped;
        if found != expected {
            return Err(Failure::new(format!(
                "{}: {found} lines arrived, and {expected} were logged",
                path.display()
            )));
        }
        Ok(())
    }
}

/// How much a slow sink takes, and how many of the events it is given.
const SLOW: u64 = 4 * 1024 * 1024;
const SLOW_PART: u64 = 10;

fn demonstrate(arguments: &Arguments, interrupted: &Receiver<()>) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::of("a temporary folder", &error))?;

    let rotated = Arguments {
        rotate: true,
        ..arguments.clone()
    };
    let output = arguments.output;
    let fast = write_log(&rotated, &folder.path().join("rotated"), interrupted)?;
    output.say("a file, rotated in the middle", &fast.report())?;

    let rate = arguments.bytes_per_second.unwrap_or(SLOW);
    let slow = Arguments {
        events: (arguments.events / SLOW_PART).max(1),
        bytes_per_second: Some(rate),
        ..arguments.clone()
    };
    let slowed = write_log(&slow, &folder.path().join("slow"), interrupted)?;
    let each = |log: &Logged| log.producers.as_secs_f64() / log.events as f64;
    let ratio = each(&slowed) / each(&fast);
    let report = slowed.report().fact(
        ("times_as_long", format!("{ratio:.1}")),
        ("times as long for an event", format!("{ratio:.1}")),
    );
    let waited = slowed.totals.waited;
    let report = report.time("waited", "waits of all threads in sum", waited);
    output.say(&format!("a sink that takes {rate} bytes a second"), &report)?;

    say(&peers::compare(arguments, folder.path(), interrupted)?)?;
    say(&deployed::compare(arguments, folder.path(), interrupted)?)?;
    // The last is the one that every program has.
    output.say("", &Totals::from(&fast.totals).report())
}
