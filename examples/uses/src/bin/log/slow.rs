//! A sink that takes a fixed number of bytes a second, and no more.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Slow<W> {
    sink: W,
    bytes_per_second: u64,
    start: Instant,
    taken: u64,
}

impl<W> Slow<W> {
    pub(crate) fn new(sink: W, bytes_per_second: u64) -> Self {
        Self {
            sink,
            bytes_per_second: bytes_per_second.max(1),
            start: Instant::now(),
            taken: 0,
        }
    }
}

impl<W: Write> Write for Slow<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Some every ten milliseconds, rather than all in one long call.
        let most = usize::try_from(self.bytes_per_second / 100).unwrap_or(usize::MAX);
        let count = self.sink.write(bytes.get(..most.max(1)).unwrap_or(bytes))?;
        self.taken += count as u64;
        let due = Duration::from_secs_f64(self.taken as f64 / self.bytes_per_second as f64);
        thread::sleep(due.saturating_sub(self.start.elapsed()));
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
