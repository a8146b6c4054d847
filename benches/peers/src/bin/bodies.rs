//! HTTP bodies: owned chunks of 64 KiB, lines of 100 bytes, and a client that stalls.
//!
//! `bodies [MIB]`, 512 MiB in chunks by default, and an eighth of that in lines, from one task
//! of tokio to another that polls the body as hyper does and drops what it gets. The peers are
//! what people put into a body today. Each may hold about as many bytes. One way is no peer: what
//! it costs a queue that each chunk can be given back.

use std::future::poll_fn;
use std::hint::black_box;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use futures::StreamExt;
use highwater::{Flow, Writable};
use highwater_peers::{Failure, argument, goal, goal_at_least, goals, median, ratio};
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use http_body_util::channel::Channel;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::io::ReaderStream;

const ROUNDS: usize = 9;

/// What is written, and how many bytes may wait.
#[derive(Clone, Copy)]
struct Work {
    piece: usize,
    count: u64,
    room: usize,
}

impl Work {
    fn pieces(self) -> usize {
        self.room.div_ceil(self.piece)
    }

    fn piece(self, number: u64) -> Vec<u8> {
        vec![number as u8; self.piece]
    }
}

type Produced = JoinHandle<Result<(), Failure>>;

/// A producer, and the body that it fills.
type Way = (&'static str, fn(Work) -> (Produced, Boxed));

type Boxed = Pin<Box<dyn Body<Data = Bytes, Error = Failure> + Send>>;

const WAYS: [Way; 5] = [
    ("highwater, `body()`", highwater),
    ("`http_body_util::Channel`", channel),
    ("tokio mpsc + `StreamBody`", queue),
    ("tokio `duplex` + `ReaderStream`", duplex),
    ("bare: mpsc, and each chunk can be given back", gives_back),
];

/// Which of the ways are peers.
const PEERS: Range<usize> = 1..4;

fn boxed<B>(body: B) -> Boxed
where
    B: Body<Data = Bytes, Error: Into<Failure>> + Send + 'static,
{
    use http_body_util::BodyExt;
    Box::pin(body.map_err(Into::into))
}

fn highwater(work: Work) -> (Produced, Boxed) {
    // The producer goes on when half is taken.
    let builder = Writable::builder()
        .high_water_mark(work.room as u64)
        .low_water_mark(work.room as u64 / 2);
    let (mut out, body) = builder.body();
    let produced = tokio::spawn(async move {
        for number in 0..work.count {
            // A line is gathered with others, and a chunk goes as it is.
            let flow = match work.piece < 1024 {
                true => out.write(line(work.piece))?,
                false => out.write_chunk(work.piece(number))?,
            };
            if flow == Flow::Wait {
                out.drained().await?;
            }
        }
        out.end().await?;
        Ok(())
    });
    (produced, boxed(body))
}

/// As long as a line is.
fn line(len: usize) -> &'static [u8] {
    &[b'.'; 1024][..len]
}

fn owned(work: Work, number: u64) -> Bytes {
    match work.piece < 1024 {
        true => Bytes::copy_from_slice(line(work.piece)),
        false => work.piece(number).into(),
    }
}

fn channel(work: Work) -> (Produced, Boxed) {
    let (mut sender, body) = Channel::<Bytes>::new(work.pieces());
    let produced = tokio::spawn(async move {
        for number in 0..work.count {
            sender.send_data(owned(work, number)).await?;
        }
        Ok(())
    });
    (produced, boxed(body))
}

fn queue(work: Work) -> (Produced, Boxed) {
    let (sender, receiver) = mpsc::channel(work.pieces());
    let produced = tokio::spawn(async move {
        for number in 0..work.count {
            sender.send(owned(work, number)).await?;
        }
        Ok(())
    });
    let frames = ReceiverStream::new(receiver).map(|bytes| Ok::<_, Failure>(Frame::data(bytes)));
    (produced, boxed(StreamBody::new(frames)))
}

/// A queue whose reader keeps a share of what it gave away last, until the next poll shows that it
/// was taken. What a stream promises beyond a queue, and nothing else of it: the floor.
fn gives_back(work: Work) -> (Produced, Boxed) {
    let (sender, mut receiver) = mpsc::channel(work.pieces());
    let produced = tokio::spawn(async move {
        for number in 0..work.count {
            sender.send(owned(work, number)).await?;
        }
        Ok(())
    });
    let mut given: Option<Bytes> = None;
    let frames = futures::stream::poll_fn(move |cx| {
        drop(given.take());
        let taken = ready!(receiver.poll_recv(cx));
        given.clone_from(&taken);
        Poll::Ready(taken.map(|bytes| Ok::<_, Failure>(Frame::data(bytes))))
    });
    (produced, boxed(StreamBody::new(frames)))
}

fn duplex(work: Work) -> (Produced, Boxed) {
    let (mut near, far) = tokio::io::duplex(work.room);
    let produced = tokio::spawn(async move {
        for number in 0..work.count {
            match work.piece < 1024 {
                true => near.write_all(line(work.piece)).await?,
                false => near.write_all(&work.piece(number)).await?,
            }
        }
        Ok(())
    });
    let frames = ReaderStream::with_capacity(far, 64 * 1024);
    let frames = frames.map(|bytes| bytes.map(Frame::data));
    (produced, boxed(StreamBody::new(frames)))
}

/// Reads the body to its end, on another task. Returns how many bytes there were.
async fn read(mut body: Boxed) -> Result<u64, Failure> {
    let mut total = 0;
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        total += frame?.data_ref().map_or(0, Bytes::len) as u64;
    }
    Ok(total)
}

/// What the producer takes by itself, in nanoseconds for a piece: it copies its lines into one
/// buffer, or makes its chunks, and nothing takes them.
fn alone(work: Work) -> f64 {
    let mut buffer = Vec::with_capacity(work.room);
    let start = Instant::now();
    for number in 0..work.count {
        if work.piece >= 1024 {
            drop(black_box(work.piece(number)));
            continue;
        }
        if buffer.len() + work.piece > work.room {
            buffer.clear();
        }
        buffer.extend_from_slice(black_box(line(work.piece)));
    }
    black_box(buffer);
    start.elapsed().as_nanos() as f64 / work.count as f64
}

/// What the two copies of a line take by themselves: into words that another thread may read
/// meanwhile, and out of them, in nanoseconds for a line. Without `unsafe` there is no other memory
/// that a reader can take lines from while their producer goes on.
fn copies(work: Work) -> f64 {
    let line = black_box(line(work.piece));
    let words: Vec<AtomicU64> = (0..work.room / WORD).map(|_| AtomicU64::new(0)).collect();
    let places = line.len().div_ceil(WORD);
    let (mut at, mut out) = (0, vec![0; work.room]);
    let start = Instant::now();
    for _ in 0..work.count {
        if at + places > words.len() {
            for (place, word) in out.chunks_exact_mut(WORD).zip(&words[..at]) {
                place.copy_from_slice(&word.load(Relaxed).to_le_bytes());
            }
            black_box(&out);
            at = 0;
        }
        let whole = line.chunks_exact(WORD);
        let (count, rest) = (line.len() / WORD, whole.remainder());
        for (word, place) in whole.zip(&words[at..]) {
            let word = word.first_chunk().copied().unwrap_or_default();
            place.store(u64::from_le_bytes(word), Relaxed);
        }
        if !rest.is_empty() {
            let mut last = [0; WORD];
            last[..rest.len()].copy_from_slice(rest);
            words[at + count].store(u64::from_le_bytes(last), Relaxed);
        }
        at += places;
    }
    start.elapsed().as_nanos() as f64 / work.count as f64
}

/// In bytes.
const WORD: usize = size_of::<u64>();

/// Nanoseconds for a piece.
fn timed(
    runtime: &Runtime,
    work: Work,
    way: fn(Work) -> (Produced, Boxed),
) -> Result<f64, Failure> {
    let start = Instant::now();
    let total = runtime.block_on(async {
        let (produced, body) = way(work);
        let total = tokio::spawn(read(body)).await??;
        produced.await??;
        Ok::<_, Failure>(total)
    })?;
    if total != work.count * work.piece as u64 {
        return Err(format!("{total} bytes arrived").into());
    }
    Ok(start.elapsed().as_nanos() as f64 / work.count as f64)
}

/// The figures of each way, round by round, then those of the producer alone, and of the copies.
fn rounds(runtime: &Runtime, work: Work) -> Result<Vec<Vec<f64>>, Failure> {
    let mut figures = vec![Vec::new(); WAYS.len() + 2];
    for _ in 0..ROUNDS {
        figures[WAYS.len()].push(alone(work));
        if work.piece < 1024 {
            figures[WAYS.len() + 1].push(copies(work));
        }
        for ((_, way), figures) in WAYS.iter().zip(&mut figures) {
            figures.push(timed(runtime, work, *way)?);
        }
    }
    Ok(figures)
}

/// How many bytes a stream holds at the most while its reader takes nothing.
async fn held(work: Work) -> Result<u64, Failure> {
    let builder = Writable::builder().high_water_mark(work.room as u64);
    let (mut out, body) = builder.body();
    let mut written = 0;
    while out.write_chunk(work.piece(written))? == Flow::More {
        written += 1;
    }
    let full = pin!(out.drained());
    drop(body);
    // The reader has left: no room will come.
    if full.await.is_ok() {
        return Err("a reader that has left made room".into());
    }
    Ok(out.snapshot().peak)
}

/// A row for each way, and for what the producer and the copies take by themselves.
fn table(by_chunk: &[Vec<f64>], by_line: &[Vec<f64>]) {
    println!(
        "| who | a chunk of 64 KiB, ns | to highwater | a line of 100 bytes, ns | to highwater |"
    );
    println!("| --- | --- | --- | --- | --- |");
    let two = |figures: &[Vec<f64>], way: usize| {
        let to = ratio(&figures[way], &figures[0]);
        format!("{:.0} | {to:.2}", median(figures[way].clone()))
    };
    let names = WAYS.iter().map(|(name, _)| *name);
    for (way, name) in names.chain(["the producer alone"]).enumerate() {
        println!(
            "| {name} | {} | {} |",
            two(by_chunk, way),
            two(by_line, way)
        );
    }
    let copies = two(by_line, WAYS.len() + 1);
    println!("| the two copies of a line alone | | | {copies} |");
}

fn run() -> Result<(), Failure> {
    let bytes = argument("MIB", 512)? * 1024 * 1024;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    let chunk = 64 * 1024;
    let chunks = Work {
        piece: chunk,
        count: bytes / chunk as u64,
        room: 16 * chunk,
    };
    let lines = Work {
        piece: 100,
        count: bytes / 8 / 100,
        room: chunk,
    };
    println!("{ROUNDS} rounds, medians.\n\nOn two threads of tokio:\n");
    let (by_chunk, by_line) = (rounds(&runtime, chunks)?, rounds(&runtime, lines)?);
    table(&by_chunk, &by_line);
    println!("\nOn one thread of tokio, so no thread is woken:\n");
    let one = tokio::runtime::Builder::new_current_thread().build()?;
    table(&rounds(&one, chunks)?, &rounds(&one, lines)?);
    let best = |figures: &[Vec<f64>]| {
        let peers = figures[PEERS].iter().map(|peer| ratio(peer, &figures[0]));
        peers.fold(f64::INFINITY, f64::min)
    };
    let peak = runtime.block_on(held(chunks))? as f64;
    goals();
    goal_at_least(
        "bodies",
        "chunks a second, to the best peer",
        best(&by_chunk),
        1.0,
    );
    goal_at_least(
        "bodies",
        "lines a second, to the best peer",
        best(&by_line),
        3.0,
    );
    let most = (chunks.room + chunks.piece) as f64 / 1024.0;
    goal(
        "bodies",
        "held while the client stalls, KiB",
        peak / 1024.0,
        most,
    );
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("bodies", run)
}
