//! P9: the cost of a write as the backlog grows, and as producers are added.
//!
//! `scale [COUNT]`, 4,000,000 lines by default for the producers.

use std::hint::black_box;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Instant;

use highwater::{Flow, Writable, Writer};
use highwater_peers::ways::Pair;
use highwater_peers::{Failure, argument, goal, goal_at_least, goals, median, ratio};

const ROUNDS: usize = 7;
const WINDOW: u64 = 1_000;
const BACKLOGS: [u64; 4] = [1, 1_000, 10_000, 100_000];
const PRODUCERS: [u64; 4] = [1, 2, 4, 8];

/// Stuck in its first call until it is let go.
struct Stuck(Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Once nobody holds it any more, it goes on.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nanoseconds a write of an owned chunk, at each backlog.
fn backlog() -> Result<[f64; BACKLOGS.len()], Failure> {
    let (hold, held) = channel();
    // A mark of 0: each write is a chunk of its own, and is told to wait.
    let builder = Writable::builder().high_water_mark(0);
    let mut out = builder.spawn(Stuck(held)).map_err(io::Error::from)?;
    let mut queued = 0;
    let mut took = [0.0; BACKLOGS.len()];
    for (backlog, took) in BACKLOGS.iter().zip(&mut took) {
        while queued < *backlog {
            let _wait = out.write_owned("x")?;
            queued += 1;
        }
        // The queue grows by doubling, now and then: the middle of ten windows.
        let mut windows = Vec::new();
        for _ in 0..10 {
            let start = Instant::now();
            for _ in 0..WINDOW {
                let _wait = out.write_owned("x")?;
            }
            queued += WINDOW;
            windows.push(start.elapsed().as_nanos() as f64 / WINDOW as f64);
        }
        *took = median(windows);
    }
    drop(hold);
    out.end().map_err(|error| error.to_string())?;
    Ok(took)
}

/// How the lines of several producers come together.
type Way = fn(u64, u64) -> Result<u64, Failure>;

const WAYS: [(&str, Way); 4] = [
    ("highwater", highwater),
    ("bare: a `Mutex<Vec<u8>>`, emptied by who fills it", mutex),
    ("bare: two buffers under a lock, and a thread", pair),
    ("crossbeam-channel + thread + BufWriter", crossbeam),
];

const LINE: &[u8] = b"a line\n";
const MARK: u64 = 64 * 1024;

/// Each producer writes its lines, on a thread of its own; all begin at once.
fn produce<P: Send + 'static>(
    number: u64,
    each: u64,
    producer: impl Fn() -> P,
    write: fn(&P) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let begin = Arc::new(Barrier::new(usize::try_from(number)?));
    let threads: Vec<_> = (0..number)
        .map(|_| {
            let (producer, begin) = (producer(), Arc::clone(&begin));
            thread::spawn(move || {
                begin.wait();
                (0..each).try_for_each(|_| write(&producer))
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a producer panicked")??;
    }
    Ok(())
}

fn highwater(number: u64, each: u64) -> Result<u64, Failure> {
    let builder = Writable::builder().high_water_mark(MARK);
    let out = builder.spawn(io::sink())?;
    let write = |out: &Writer| {
        if out.write(LINE)? == Flow::Wait {
            out.wait_drain()?;
        }
        Ok(())
    };
    produce(number, each, || out.writer(), write)?;
    Ok(out.end()?.totals.written)
}

/// Nothing but the lock and the copy.
fn mutex(number: u64, each: u64) -> Result<u64, Failure> {
    let shared = Arc::new(Mutex::new((Vec::with_capacity(MARK as usize), 0)));
    let write = |shared: &Arc<Mutex<(Vec<u8>, u64)>>| {
        let mut shared = shared.lock().map_err(|_| "a producer panicked")?;
        let (buffer, emptied) = &mut *shared;
        if buffer.len() + LINE.len() > MARK as usize {
            *emptied += buffer.len() as u64;
            black_box(&buffer);
            buffer.clear();
        }
        buffer.extend_from_slice(LINE);
        Ok(())
    };
    produce(number, each, || Arc::clone(&shared), write)?;
    let shared = shared.lock().map_err(|_| "a producer panicked")?;
    Ok(shared.0.len() as u64 + shared.1)
}

/// A sink that counts, and tells when it is dropped.
struct Count(u64, Sender<u64>);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        // Nobody asks any more, if the measurement has failed.
        let _ = self.1.send(self.0);
    }
}

fn pair(number: u64, each: u64) -> Result<u64, Failure> {
    let (tell, told) = channel();
    let (out, thread) = Pair::spawn(Count(0, tell));
    produce(number, each, || out.clone(), |out| Ok(out.write(LINE)?))?;
    out.end();
    thread.join().map_err(|_| "the writer panicked")??;
    Ok(told.recv()?)
}

fn crossbeam(number: u64, each: u64) -> Result<u64, Failure> {
    let (send, receive) = crossbeam_channel::bounded::<Vec<u8>>(1024);
    let (tell, told) = channel();
    let thread = thread::spawn(move || -> io::Result<()> {
        let mut out = BufWriter::with_capacity(16 * 1024, Count(0, tell));
        receive.iter().try_for_each(|line| out.write_all(&line))?;
        out.flush()
    });
    let write = |send: &crossbeam_channel::Sender<Vec<u8>>| Ok(send.send(LINE.to_vec())?);
    produce(number, each, || send.clone(), write)?;
    drop(send);
    thread.join().map_err(|_| "the writer panicked")??;
    Ok(told.recv()?)
}

/// Lines a microsecond.
fn rate(way: Way, number: u64, count: u64) -> Result<f64, Failure> {
    let each = count / number;
    let start = Instant::now();
    let written = way(number, each)?;
    let micros = start.elapsed().as_nanos() as f64 / 1000.0;
    if written != each * number * LINE.len() as u64 {
        return Err(format!("{written} bytes were written").into());
    }
    Ok((each * number) as f64 / micros)
}

fn run() -> Result<(), Failure> {
    let count = argument("COUNT", 4_000_000)?;
    let mut backlogs: [Vec<f64>; BACKLOGS.len()] = Default::default();
    let mut rates: [[Vec<f64>; PRODUCERS.len()]; WAYS.len()] = Default::default();
    for _ in 0..ROUNDS {
        for (all, one) in backlogs.iter_mut().zip(backlog()?) {
            all.push(one);
        }
        for ((_, way), rates) in WAYS.iter().zip(&mut rates) {
            for (rates, number) in rates.iter_mut().zip(PRODUCERS) {
                rates.push(rate(*way, number, count)?);
            }
        }
    }
    println!("| queued before | ns a write |\n| --- | --- |");
    let backlogs = backlogs.map(median);
    for (queued, took) in BACKLOGS.iter().zip(backlogs) {
        println!("| {queued} | {took:.0} |");
    }
    let processors = thread::available_parallelism()?;
    println!(
        "\nLines a microsecond, by how many producers there are, on {processors} processors:\n"
    );
    println!("| who | 1 | 2 | 4 | 8 | 8 to 1 |\n| --- | --- | --- | --- | --- | --- |");
    for ((name, _), rates) in WAYS.iter().zip(&rates) {
        let [one, .., eight] = rates;
        let ratio = ratio(eight, one);
        print!("| {name} |");
        for rates in rates {
            print!(" {:.1} |", median(rates.clone()));
        }
        println!(" {ratio:.2} |");
    }
    goals();
    let most = backlogs.iter().copied().fold(f64::MIN, f64::max);
    goal(
        "P9",
        "a write at the worst backlog, to one at none",
        most / backlogs[0],
        1.2,
    );
    let [one, .., eight] = &rates[0];
    goal_at_least(
        "P9",
        "throughput of 8 producers, to 1",
        ratio(eight, one),
        0.7,
    );
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("scale", run)
}
