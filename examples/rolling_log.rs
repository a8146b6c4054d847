//! A log in a file that rotates: several threads log, old files are compressed, and all is
//! flushed at the end.
//!
//! ```sh
//! cargo run --release --example rolling_log -- target/rolling.log
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use flate2::{Compression, write::GzEncoder};
use highwater::BoxError;
use highwater::log::Log;
use highwater::sink::RollingFile;

/// How many threads log, and how many events each.
const THREADS: usize = 4;
const EVENTS: usize = 5000;

/// Replaces a file by a compressed one. A crash on the way leaves a half that the next try
/// overwrites.
fn gzip(old: &Path) -> io::Result<()> {
    let half = old.with_extension("gz.half");
    let mut gzip = GzEncoder::new(File::create(&half)?, Compression::default());
    io::copy(&mut File::open(old)?, &mut gzip)?;
    gzip.finish()?.sync_all()?;
    fs::rename(half, format!("{}.gz", old.display()))?;
    fs::remove_file(old)
}

fn run(path: &str) -> Result<(), BoxError> {
    let file = RollingFile::builder(path)
        .max_bytes(256 * 1024)
        .daily()
        .keep(7)
        .compress_with(gzip)
        .on_error(|error| drop(writeln!(io::stderr(), "rolling_log: {error}")))
        .open()?;
    let status = file.status();
    let log = Log::builder().spawn(file)?;
    tracing_subscriber::fmt()
        .with_writer(log.writer())
        .with_ansi(false)
        .init();

    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || (0..EVENTS).for_each(|n| tracing::info!(thread, n, "an event")));
        }
    });

    let delivered = log.end().wait()?.totals.delivered; // all written; old files may be compressed later
    println!("{delivered} bytes, {} rotations", status.rotations());
    Ok(())
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("rolling_log: a path is missing");
        return ExitCode::from(2);
    };
    match run(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rolling_log: {error}");
            ExitCode::FAILURE
        }
    }
}
