//! Writes the numbers from 1 on, a line each, to a file, with backpressure:
//! write until told to wait, go on at 'drain'. However many lines there are,
//! the memory stays flat.
//!
//! ```sh
//! cargo run --release --example numbers -- --lines 1000000 --high-water-mark 1024 /tmp/n.txt
//! ```

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use highwater::{Flow, Snapshot, Writable};
use indicatif::{ProgressBar, ProgressStyle};

/// Write the numbers from 1 to N, a line each, through a bounded buffer.
#[derive(Parser)]
#[command(name = "numbers", version)]
struct Arguments {
    /// How many lines.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    lines: u64,
    /// From how many buffered bytes on the writer is told to wait.
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
        Ok(totals) => say(&format!(
            "lines={} bytes={} waits={} drains={} peak={} seconds={:.3}\n",
            arguments.lines,
            totals.written,
            totals.waits,
            totals.drains,
            totals.peak,
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

fn write_numbers(
    arguments: &Arguments,
    path: &Path,
    start: Instant,
) -> Result<Snapshot, Box<dyn Error>> {
    let file = path.to_owned();
    let mut out = Writable::builder()
        .high_water_mark(arguments.high_water_mark)
        .open(move || File::create(file))?;
    let mut bar = Bar::new(arguments, start);

    for n in 1..=arguments.lines {
        if out.write(format!("{n}\n"))? == Flow::Wait {
            out.wait_drain()?;
            bar.show(n);
        }
    }
    let done = out.end()?;
    bar.clear();
    Ok(done.totals)
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

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
