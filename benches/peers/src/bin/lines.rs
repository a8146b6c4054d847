//! P1 and P2: many short lines into a file in memory, one producer.
//!
//! `lines [COUNT]`, 2,000,000 lines by default; seven rounds, in each of which
//! everybody writes the same lines, and what arrived is compared.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Instant;

use highwater::{Flow, Writable};
use highwater_peers::{Failure, argument, folder, goal, goals, median, ratio};

const ROUNDS: usize = 7;
const BUFFER: usize = 16 * 1024;
const MARK: u64 = 64 * 1024;
const QUEUE: usize = 1024;
const LINES_A_CORK: u64 = 1000;

/// Writes the number and a newline into the end of the buffer.
fn line(number: u64, buffer: &mut [u8; 21]) -> &[u8] {
    let mut at = buffer.len() - 1;
    buffer[at] = b'\n';
    let mut left = number;
    loop {
        at -= 1;
        buffer[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            return &buffer[at..];
        }
    }
}

fn each_line(
    count: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut buffer = [0; 21];
    (1..=count).try_for_each(|number| take(line(number, &mut buffer)))
}

fn generate(count: u64, _: &Path) -> Result<(), Failure> {
    each_line(count, |line| {
        black_box(line);
        Ok(())
    })
}

fn buf_writer(count: u64, path: &Path) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(BUFFER, File::create(path)?);
    each_line(count, |line| Ok(out.write_all(line)?))?;
    Ok(out.flush()?)
}

fn highwater(count: u64, path: &Path) -> Result<(), Failure> {
    let mut out = Writable::builder()
        .high_water_mark(MARK)
        .spawn(File::create(path)?)?;
    each_line(count, |line| {
        if out.write(line)? == Flow::Wait {
            out.wait_drain()?;
        }
        Ok(())
    })?;
    out.end()?;
    Ok(())
}

fn highwater_corks(count: u64, path: &Path) -> Result<(), Failure> {
    let mut out = Writable::builder()
        .high_water_mark(MARK)
        .spawn(File::create(path)?)?;
    let mut buffer = [0; 21];
    let mut next = 1;
    while next <= count {
        let mut flow = Flow::More;
        let corked = out.cork()?;
        for number in next..=count.min(next + LINES_A_CORK - 1) {
            flow = corked.write(line(number, &mut buffer))?;
        }
        drop(corked);
        next += LINES_A_CORK;
        if flow == Flow::Wait {
            out.wait_drain()?;
        }
    }
    out.end()?;
    Ok(())
}

/// The writing end of a queue with a thread behind it.
fn behind_a_thread(
    path: &Path,
    lines: impl IntoIterator<Item = Vec<u8>> + Send + 'static,
) -> Result<thread::JoinHandle<std::io::Result<()>>, Failure> {
    let mut out = BufWriter::with_capacity(BUFFER, File::create(path)?);
    Ok(thread::spawn(move || {
        for line in lines {
            out.write_all(&line)?;
        }
        out.flush()
    }))
}

fn std_channel(count: u64, path: &Path) -> Result<(), Failure> {
    let (send, receive) = std::sync::mpsc::sync_channel::<Vec<u8>>(QUEUE);
    let writer = behind_a_thread(path, receive)?;
    each_line(count, |line| Ok(send.send(line.to_vec())?))?;
    drop(send);
    Ok(writer.join().map_err(|_| "the writer panicked")??)
}

fn crossbeam(count: u64, path: &Path) -> Result<(), Failure> {
    let (send, receive) = crossbeam_channel::bounded::<Vec<u8>>(QUEUE);
    let writer = behind_a_thread(path, receive)?;
    each_line(count, |line| Ok(send.send(line.to_vec())?))?;
    drop(send);
    Ok(writer.join().map_err(|_| "the writer panicked")??)
}

fn tracing_appender(count: u64, path: &Path) -> Result<(), Failure> {
    let out = BufWriter::with_capacity(BUFFER, File::create(path)?);
    let builder = tracing_appender::non_blocking::NonBlockingBuilder::default().lossy(false);
    let (mut out, guard) = builder.finish(out);
    each_line(count, |line| Ok(out.write_all(line)?))?;
    drop(guard);
    Ok(())
}

const NODE: &str = "
const out = require('fs').createWriteStream(process.argv[1], { highWaterMark: 65536 });
const count = Number(process.argv[2]);
let n = 0;
const start = process.hrtime.bigint();
(function go() {
  while (n < count) if (!out.write(`${++n}\\n`)) return out.once('drain', go);
  out.end(() => console.log(Number(process.hrtime.bigint() - start)));
})();";

/// Nanoseconds, without its start; `None` if there is no Node.
fn node(count: u64, path: &Path) -> Result<Option<f64>, Failure> {
    let run = Command::new("node")
        .args(["-e", NODE])
        .arg(path)
        .arg(count.to_string())
        .output();
    let Ok(output) = run else { return Ok(None) };
    Ok(Some(String::from_utf8(output.stdout)?.trim().parse()?))
}

type Way = fn(u64, &Path) -> Result<(), Failure>;

const WAYS: [(&str, Way); 7] = [
    ("generating the lines alone", generate),
    ("`BufWriter<File>` on the caller's thread", buf_writer),
    ("highwater, `write` a line", highwater),
    ("highwater, cork guards of 1,000 lines", highwater_corks),
    ("std `sync_channel` + thread + BufWriter", std_channel),
    ("crossbeam-channel + thread + BufWriter", crossbeam),
    (
        "tracing-appender `non_blocking`, lossless",
        tracing_appender,
    ),
];

fn run() -> Result<(), Failure> {
    let count = argument("COUNT", 2_000_000)?;
    let folder = folder()?;
    let (path, right) = (folder.path().join("lines"), folder.path().join("right"));
    buf_writer(count, &right)?;
    let right = fs::read(right)?;
    let mut took: [Vec<f64>; WAYS.len()] = Default::default();
    let mut nodes = Vec::new();
    for _ in 0..ROUNDS {
        for ((name, way), took) in WAYS.iter().zip(&mut took) {
            let start = Instant::now();
            way(count, &path)?;
            took.push(start.elapsed().as_nanos() as f64 / count as f64);
            let generates = *name == WAYS[0].0;
            if !generates && fs::read(&path)? != right {
                return Err(format!("{name}: other bytes arrived").into());
            }
        }
        nodes.extend(node(count, &path)?.map(|nanos| nanos / count as f64));
    }
    println!("{count} lines, {ROUNDS} rounds, medians:\n");
    println!("| who | ns a line | to BufWriter |\n| --- | --- | --- |");
    let [_, buffered, plain, corked, queues @ ..] = &took;
    for ((name, _), took) in WAYS.iter().zip(&took) {
        println!(
            "| {name} | {:.0} | {:.2} |",
            median(took.clone()),
            ratio(took, buffered)
        );
    }
    match nodes.is_empty() {
        true => println!("| Node is not on the PATH | | |"),
        false => println!(
            "| Node `fs.createWriteStream`, drain respected | {:.0} | {:.2} |",
            median(nodes.clone()),
            ratio(&nodes, buffered)
        ),
    }
    goals();
    goal(
        "P1",
        "a line each, to BufWriter",
        ratio(plain, buffered),
        1.15,
    );
    let best = queues
        .iter()
        .map(|queue| ratio(plain, queue))
        .fold(0.0, f64::max);
    goal(
        "P1",
        "a line each, to the best queue and thread",
        best,
        0.25,
    );
    if !nodes.is_empty() {
        goal("P1", "a line each, to Node", ratio(plain, &nodes), 0.06);
    }
    goal(
        "P2",
        "cork guards, to BufWriter",
        ratio(corked, buffered),
        1.0,
    );
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("lines", run)
}
