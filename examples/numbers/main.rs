//! Writes the numbers from 1 on, a line each, to a file, with backpressure: it writes until
//! the stream says to wait, and goes on at 'drain'. However many lines there are, the
//! memory stays flat. Ctrl-C, or `kill`, destroys the stream, and the program says what was not
//! written.
//!
//! ```sh
//! cargo run --release --example numbers -- --lines 1000000 --high-water-mark 1024 /tmp/n.txt
//! ```

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use highwater::{BoxError, Flow, Snapshot, Unfinished, Writable, Writer};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

mod system;

use system::{Sink, memory, on_stop, open, standard_output_is_closed};

/// Write the numbers from 1 to N, a line each, through a bounded buffer.
#[derive(Parser)]
#[command(name = "numbers", version)]
struct Arguments {
    /// How many lines.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    lines: u64,
    /// How many buffered bytes make the writer wait.
    #[arg(long, value_name = "BYTES", default_value_t = 16_384)]
    high_water_mark: u64,
    /// Show no progress bar.
    #[arg(long)]
    quiet: bool,
    /// Print name=value, also on a terminal.
    #[arg(long)]
    porcelain: bool,
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
    if standard_output_is_closed() {
        return fail(1, "standard output is closed");
    }
    if arguments.path.is_none() {
        // Where it cannot be made, opening the file says so.
        let _ = fs::create_dir_all("target");
    }
    let start = Instant::now();
    match write_numbers(&arguments, &path, start) {
        Ok(Ended::Stopped { status, unfinished }) => {
            let pairs = arguments.porcelain || !io::stderr().is_terminal();
            fail(status, &interrupted(&unfinished, pairs))
        }
        Ok(Ended::Written(totals)) => {
            let pairs = arguments.porcelain || !io::stdout().is_terminal();
            say(&report(&arguments, &totals, start.elapsed(), pairs))
        }
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

/// What it has done: pairs for programs, or sentences for people.
fn report(arguments: &Arguments, totals: &Snapshot, took: Duration, pairs: bool) -> String {
    let (lines, bytes) = (arguments.lines, totals.delivered);
    let Snapshot {
        waits,
        drains,
        peak,
        ..
    } = *totals;
    let (memory, seconds) = (memory(), took.as_secs_f64());
    if pairs {
        return format!(
            "lines={lines} bytes={bytes} waits={waits} drains={drains} peak={peak} \
             memory={memory} seconds={seconds:.3}\n"
        );
    }
    format!(
        "{} lines, {}, are written after {seconds:.3} s.\n\
         The writer waited {} times, and the stream held at most {}.\n\
         The process had {memory} of memory at most.\n",
        HumanCount(lines),
        HumanBytes(bytes),
        HumanCount(waits),
        HumanBytes(peak),
    )
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
    Stopped {
        status: u8,
        unfinished: Unfinished<Sink>,
    },
}

/// What the main thread waits for.
enum Message {
    Written(Result<(), BoxError>),
    /// A signal came; with it the program ends with this status.
    Stop(u8),
}

/// How long a call of the sink may still take at Ctrl-C.
const GRACE: Duration = Duration::from_millis(200);

/// The lines are written on a thread, so that this one can destroy the stream.
fn write_numbers(arguments: &Arguments, path: &Path, start: Instant) -> Result<Ended, BoxError> {
    let (tell, told) = mpsc::channel();
    let interrupt = tell.clone();
    on_stop(move |status| drop(interrupt.send(Message::Stop(status))))?;

    let file = path.to_owned();
    let out = Writable::builder()
        .high_water_mark(arguments.high_water_mark)
        .spawn_with(move || open(&file))?;
    let writer = out.writer();
    let lines = arguments.lines;
    let bar = Bar::new(arguments, start);
    let writing = thread::Builder::new().spawn(move || {
        let lines = AssertUnwindSafe(|| write_lines(&writer, lines, bar));
        let written = catch_unwind(lines).unwrap_or_else(|_| Err("a panic".into()));
        drop(tell.send(Message::Written(written)));
    })?;
    match told.recv()? {
        Message::Written(written) => {
            written?;
            Ok(Ended::Written(out.end().wait()?.totals))
        }
        Message::Stop(status) => {
            let mut destroy = out.destroy();
            let unfinished = match destroy.wait_timeout(GRACE) {
                Ok(unfinished) => unfinished,
                Err(_) => destroy.give_up(),
            };
            // It waits for nothing but the stream, so it is done.
            drop(writing.join());
            Ok(Ended::Stopped { status, unfinished })
        }
    }
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

fn interrupted(unfinished: &Unfinished<Sink>, pairs: bool) -> String {
    let unsent = unfinished.unsent.iter().map(|chunk| chunk.len() as u64);
    let unsent: u64 = unsent.sum();
    let (written, in_doubt) = (unfinished.totals.delivered, unfinished.in_doubt);
    if pairs {
        return format!("interrupted: written={written} unsent={unsent} in_doubt={in_doubt}");
    }
    let (written, unsent, in_doubt) = (
        HumanBytes(written),
        HumanBytes(unsent),
        HumanBytes(in_doubt),
    );
    format!("interrupted: {written} are written, {unsent} were not sent, {in_doubt} are in doubt")
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
