//! P3: owned chunks of 64 KiB, into a file in memory and into a TCP connection.
//!
//! `chunks [COUNT]`, 4,000 chunks by default. The peers are a bare loop of
//! `write_all` on the caller's thread, and a thread behind a channel. All make each chunk anew.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use highwater::{Flow, Writable};
use highwater_peers::{Failure, argument, folder, goal_at_least, goals, median, ratio};

const ROUNDS: usize = 7;
const CHUNK: usize = 64 * 1024;
/// How many chunks wait at the most.
const ROOM: usize = 16;

/// How the chunks go to the sink.
#[derive(Clone, Copy)]
enum Way {
    /// On the caller's thread.
    Bare,
    /// Through a channel, to a thread.
    Channel,
    /// Through a stream with these marks, in chunks.
    Highwater { mark: usize, low: usize },
}

/// The way that the goals are about: it goes on when half of the mark is taken.
const AT_HALF: usize = 3;

/// A mark of one chunk takes turns with the sink.
const WAYS: [(&str, Way); 5] = [
    ("bare `write_all`", Way::Bare),
    ("std `sync_channel` of 16 chunks + thread", Way::Channel),
    (
        "highwater, mark of 16 chunks, low-water mark 0",
        Way::Highwater { mark: ROOM, low: 0 },
    ),
    (
        "highwater, mark of 16 chunks, low-water mark of 8",
        Way::Highwater {
            mark: ROOM,
            low: ROOM / 2,
        },
    ),
    (
        "highwater, mark of 1 chunk",
        Way::Highwater { mark: 1, low: 0 },
    ),
];

fn chunk(number: u64) -> Vec<u8> {
    vec![number as u8; CHUNK]
}

fn bare(count: u64, mut sink: impl Write) -> Result<(), Failure> {
    for number in 0..count {
        sink.write_all(&chunk(number))?;
    }
    Ok(())
}

fn through_a_channel(count: u64, mut sink: impl Write + Send + 'static) -> Result<(), Failure> {
    let (send, receive) = sync_channel::<Vec<u8>>(ROOM);
    let writes = thread::spawn(move || receive.iter().try_for_each(|chunk| sink.write_all(&chunk)));
    for number in 0..count {
        send.send(chunk(number))?;
    }
    drop(send);
    Ok(writes.join().map_err(|_| "the writer panicked")??)
}

fn highwater(
    count: u64,
    [mark, low]: [usize; 2],
    sink: impl Write + Send + Sync + 'static,
) -> Result<(), Failure> {
    let builder = Writable::builder()
        .high_water_mark((mark * CHUNK) as u64)
        .low_water_mark((low * CHUNK) as u64);
    let mut out = builder.spawn(sink)?;
    for number in 0..count {
        if out.write_chunk(chunk(number))? == Flow::Wait {
            out.drained().wait()?;
        }
    }
    out.end().wait()?;
    Ok(())
}

impl Way {
    fn write(self, count: u64, sink: impl Write + Send + Sync + 'static) -> Result<(), Failure> {
        match self {
            Self::Bare => bare(count, sink),
            Self::Channel => through_a_channel(count, sink),
            Self::Highwater { mark, low } => highwater(count, [mark, low], sink),
        }
    }
}

/// A connection whose other end reads as fast as it can, and how much it read.
fn connection() -> Result<(TcpStream, JoinHandle<io::Result<u64>>), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let stream = TcpStream::connect(listener.local_addr()?)?;
    let (mut peer, _) = listener.accept()?;
    let reader = thread::spawn(move || {
        let mut buffer = vec![0; 256 * 1024];
        let mut total = 0;
        loop {
            match peer.read(&mut buffer)? {
                0 => return Ok(total),
                count => total += count as u64,
            }
        }
    });
    Ok((stream, reader))
}

/// Bytes a nanosecond.
fn timed(count: u64, work: impl FnOnce() -> Result<u64, Failure>) -> Result<f64, Failure> {
    let expected = count * CHUNK as u64;
    let start = Instant::now();
    let arrived = work()?;
    if arrived != expected {
        return Err(format!("{arrived} bytes of {expected} arrived").into());
    }
    Ok(expected as f64 / start.elapsed().as_nanos() as f64)
}

fn read_all(reader: JoinHandle<io::Result<u64>>) -> Result<u64, Failure> {
    Ok(reader.join().map_err(|_| "the reader panicked")??)
}

/// Tells where what it is given lies.
struct Places(Sender<(usize, usize)>);

impl Write for Places {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let place = (bytes.as_ptr() as usize, bytes.len());
        self.0.send(place).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn copied(count: u64) -> Result<u64, Failure> {
    let (send, places) = channel();
    let mut out = Writable::builder().spawn(Places(send))?;
    let mut copied = 0;
    for number in 0..count {
        let chunk = chunk(number);
        let place = (chunk.as_ptr() as usize, chunk.len());
        let _flow = out.write_chunk(chunk)?;
        copied += u64::from(places.recv()? != place);
    }
    out.end().wait()?;
    Ok(copied)
}

fn run() -> Result<(), Failure> {
    let count = argument("COUNT", 4_000)?;
    let folder = folder()?;
    let path = folder.path().join("chunks");
    let file = |way: Way| {
        timed(count, || {
            way.write(count, File::create(&path)?)?;
            Ok(path.metadata()?.len())
        })
    };
    let tcp = |way: Way| {
        timed(count, || {
            let (sink, reader) = connection()?;
            way.write(count, sink)?;
            read_all(reader)
        })
    };
    let mut files: [Vec<f64>; WAYS.len()] = Default::default();
    let mut connections: [Vec<f64>; WAYS.len()] = Default::default();
    for _ in 0..ROUNDS {
        for (n, (_, way)) in WAYS.iter().enumerate() {
            files[n].push(file(*way)?);
            connections[n].push(tcp(*way)?);
        }
    }
    println!("{count} chunks of 64 KiB, {ROUNDS} rounds, medians:\n");
    println!(
        "| who | file, GB/s | to bare | TCP, GB/s | to bare |\n| --- | --- | --- | --- | --- |"
    );
    for (n, (name, _)) in WAYS.iter().enumerate() {
        println!(
            "| {name} | {:.2} | {:.2} | {:.2} | {:.2} |",
            median(files[n].clone()),
            ratio(&files[n], &files[0]),
            median(connections[n].clone()),
            ratio(&connections[n], &connections[0]),
        );
    }
    goals();
    goal_at_least(
        "P3",
        "64 KiB chunks to a file, to bare writes",
        ratio(&files[AT_HALF], &files[0]),
        0.95,
    );
    goal_at_least(
        "P3",
        "64 KiB chunks to a file, to a channel and a thread",
        ratio(&files[AT_HALF], &files[1]),
        0.95,
    );
    goal_at_least(
        "P3",
        "64 KiB chunks to a TCP connection, to bare writes",
        ratio(&connections[AT_HALF], &connections[0]),
        0.95,
    );
    let copied = copied(count)?;
    println!(
        "| P3 | chunks copied | {copied} | none | {} |",
        if copied == 0 { "met" } else { "missed" }
    );
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("chunks", run)
}
