//! Writes the numbers from 1 on, a line each, to a file, with backpressure: it writes until
//! the stream says to wait, and goes on at 'drain'. However many lines there are, the
//! memory stays flat. Ctrl-C destroys the stream, and the program says what was not written.
//!
//! ```sh
//! cargo run --release --example numbers -- --lines 1000000 --high-water-mark 1024 /tmp/n.txt
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use highwater::{BoxError, Flow, Snapshot, Unfinished, Writable, Writer};
use indicatif::{ProgressBar, ProgressStyle};

/// Write the numbers from 1 to N, a line each, through a bounded buffer.
#[derive(Parser)]
#[command(name = "numbers", version)]
struct Arguments {
    /// How many lines.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    lines: u64,
    /// From how many buffered bytes on the writer waits.
    #[arg(long, value_name = "BYTES", default_value_t = 16_384)]
    high_water_mark: u64,
    /// Show no progress bar.
    #[arg(long)]
    quiet: bool,
    /// The file; its folder must exist.
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or("wrong arguments");
            return fail(2, line.trim_start_matches("error: "));
        }
        // --help and --version
        Err(text) => return say(&text.to_string()),
    };
    let path = match &arguments.path {
        Some(path) => path.clone(),
        None => PathBuf::from("target/numbers.txt"),
    };
    if arguments.path.is_none() {
        // Where it cannot be made, opening the file says so.
        let _ = fs::create_dir_all("target");
    }
    let start = Instant::now();
    match write_numbers(&arguments, &path, start) {
        Ok(Ended::Interrupted(unfinished)) => fail(130, &interrupted(&unfinished)),
        Ok(Ended::Written(totals)) => say(&format!(
            "lines={} bytes={} waits={} drains={} peak={} memory={} seconds={:.3}\n",
            arguments.lines,
            totals.delivered,
            totals.waits,
            totals.drains,
            totals.peak,
            memory(),
            start.elapsed().as_secs_f64(),
        )),
        Err(error) => {
            let mut text = format!("{}: {error}", path.display());
            let mut source = error.source();
            while let Some(cause) = source {
                text.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            fail(1, &text)
        }
    }
}

/// The most memory that this process has had; known on Linux only.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    match line.and_then(|line| line.trim().strip_suffix(" kB")) {
        Some(kib) => format!("{kib}KiB"),
        None => "unknown".into(),
    }
}

/// Standard output may be closed, or full.
fn say(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, &format!("standard output: {error}")),
    }
}

fn fail(status: u8, text: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "numbers: {text}");
    ExitCode::from(status)
}

/// How the stream has ended, if not with an error.
enum Ended {
    Written(Snapshot),
    Interrupted(Unfinished<File>),
}

/// How long a call of the sink may still take at Ctrl-C.
const GRACE: Duration = Duration::from_millis(200);

/// The lines are written on a thread, so that this one can destroy the stream.
fn write_numbers(arguments: &Arguments, path: &Path, start: Instant) -> Result<Ended, BoxError> {
    let (tell, told) = mpsc::channel();
    let interrupt = tell.clone();
    ctrlc::set_handler(move || drop(interrupt.send(None)))?;

    let file = path.to_owned();
    let out = Writable::builder()
        .high_water_mark(arguments.high_water_mark)
        .spawn_with(move || File::create(file))?;
    let writer = out.writer();
    let lines = arguments.lines;
    let bar = Bar::new(arguments, start);
    let writing = thread::Builder::new().spawn(move || {
        let lines = AssertUnwindSafe(|| write_lines(&writer, lines, bar));
        let written = catch_unwind(lines).unwrap_or_else(|_| Err("a panic".into()));
        drop(tell.send(Some(written)));
    })?;
    let Some(written) = told.recv()? else {
        let mut destroy = out.destroy();
        let unfinished = match destroy.wait_timeout(GRACE) {
            Ok(unfinished) => unfinished,
            Err(_) => destroy.give_up(),
        };
        // It waits for nothing but the stream, so it is done.
        drop(writing.join());
        return Ok(Ended::Interrupted(unfinished));
    };
    written?;
    Ok(Ended::Written(out.end().wait()?.totals))
}

fn write_lines(out: &Writer, lines: u64, mut bar: Bar) -> Result<(), BoxError> {
    for n in 1..=lines {
        if out.write(format!("{n}\n"))? == Flow::Wait {
            out.drained().wait()?;
            bar.show(n);
        }
    }
    // Until it is written Ctrl-C can stop it; the end has nothing to wait for.
    Ok(out.flush().wait()?)
}

fn interrupted(unfinished: &Unfinished<File>) -> String {
    let unsent: usize = unfinished.unsent.iter().map(|chunk| chunk.len()).sum();
    let (written, in_doubt) = (unfinished.totals.delivered, unfinished.in_doubt);
    format!("interrupted: written={written} unsent={unsent} in_doubt={in_doubt}")
}

/// A progress bar for runs that take longer than a moment. On no terminal, none.
struct Bar {
    start: Instant,
    lines: u64,
    quiet: bool,
    bar: Option<ProgressBar>,
}

const A_MOMENT: Duration = Duration::from_millis(500);

impl Bar {
    fn new(arguments: &Arguments, start: Instant) -> Self {
        Self {
            start,
            lines: arguments.lines,
            quiet: arguments.quiet,
            bar: None,
        }
    }

    fn show(&mut self, line: u64) {
        if self.bar.is_none() && !self.quiet && self.start.elapsed() > A_MOMENT {
            let bar = ProgressBar::new(self.lines);
            let style = "{bar:40} {human_pos}/{human_len} lines, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(line);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
