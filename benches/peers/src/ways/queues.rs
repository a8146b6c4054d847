//! A queue of lines, and a thread with a buffer behind it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::thread::{self, JoinHandle};

use super::{BUFFER, QUEUE, each_line};
use crate::Failure;

fn behind_a_thread(
    path: &Path,
    lines: impl IntoIterator<Item = Vec<u8>> + Send + 'static,
) -> Result<JoinHandle<io::Result<()>>, Failure> {
    let mut out = BufWriter::with_capacity(BUFFER, File::create(path)?);
    Ok(thread::spawn(move || {
        for line in lines {
            out.write_all(&line)?;
        }
        out.flush()
    }))
}

fn join(writer: JoinHandle<io::Result<()>>) -> Result<(), Failure> {
    Ok(writer.join().map_err(|_| "the writer panicked")??)
}

pub(super) fn std_channel(count: u64, path: &Path) -> Result<(), Failure> {
    let (send, receive) = std::sync::mpsc::sync_channel::<Vec<u8>>(QUEUE);
    let writer = behind_a_thread(path, receive)?;
    each_line(count, |line| Ok(send.send(line.to_vec())?))?;
    drop(send);
    join(writer)
}

pub(super) fn crossbeam(count: u64, path: &Path) -> Result<(), Failure> {
    let (send, receive) = crossbeam_channel::bounded::<Vec<u8>>(QUEUE);
    let writer = behind_a_thread(path, receive)?;
    each_line(count, |line| Ok(send.send(line.to_vec())?))?;
    drop(send);
    join(writer)
}

pub(super) fn kanal(count: u64, path: &Path) -> Result<(), Failure> {
    let (send, receive) = kanal::bounded::<Vec<u8>>(QUEUE);
    let writer = behind_a_thread(path, receive)?;
    each_line(count, |line| Ok(send.send(line.to_vec())?))?;
    drop(send);
    join(writer)
}

pub(super) fn flume(count: u64, path: &Path) -> Result<(), Failure> {
    let (send, receive) = flume::bounded::<Vec<u8>>(QUEUE);
    let writer = behind_a_thread(path, receive)?;
    each_line(count, |line| Ok(send.send(line.to_vec())?))?;
    drop(send);
    join(writer)
}

pub(super) fn tracing_appender(count: u64, path: &Path) -> Result<(), Failure> {
    let out = BufWriter::with_capacity(BUFFER, File::create(path)?);
    let builder = tracing_appender::non_blocking::NonBlockingBuilder::default().lossy(false);
    let (mut out, guard) = builder.finish(out);
    each_line(count, |line| Ok(out.write_all(line)?))?;
    drop(guard);
    Ok(())
}
