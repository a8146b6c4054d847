//! A log in a file that rotates: several threads log, old files are compressed, and all is
//! flushed at the end. `cargo run --release --example rolling_log -- target/rolling.log`

use std::fs::{self, File};
use std::{io, path::Path, thread};

use flate2::{Compression, write::GzEncoder};
use highwater::{BoxError, log::Log, sink::RollingFile};

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

fn run() -> Result<(), BoxError> {
    let path = std::env::args()
        .nth(1)
        .ok_or("the path of the log is missing")?;
    let file = RollingFile::builder(path)
        .max_bytes(256 * 1024)
        .daily()
        .keep(7)
        .compress_with(gzip)
        .open()?;
    let status = file.status();
    let log = Log::builder().spawn(file)?;
    let subscriber = tracing_subscriber::fmt().with_writer(log.writer());
    subscriber.with_ansi(false).init();

    thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || (0..5000).for_each(|n| tracing::info!(thread, n, "an event")));
        }
    });

    let delivered = log.end().wait()?.totals.delivered; // all is written; gzip may run a little later
    println!("{delivered} bytes, {} rotations", status.rotations());
    Ok(())
}

fn main() {
    if let Err(error) = run() {
        eprintln!("rolling_log: {error}");
        std::process::exit(1);
    }
}
