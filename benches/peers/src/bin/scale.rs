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
/// How many streams there are of each backlog, and how many writes are timed in one.
const STREAMS: usize = 51;
const WINDOW: u64 = 100;
const BACKLOGS: [u64; 4] = [1, 1_000, 10_000, 100_000];
const PRODUCERS: [u64; 4] = [1, 2, 4, 8];

/// Stuck in its first call, which it tells, until it is let go.
struct Stuck(Sender<()>, Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(());
        // Once the other end is dropped, it goes on.
        let _ = self.1.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nanoseconds a write of an owned chunk, in a stream of its own that has so many
/// queued before.
fn backlog(queued: u64) -> Result<f64, Failure> {
    let ((tell, stuck), (hold, held)) = (channel(), channel());
    // A mark of 0: each write is a chunk of its own, and is answered with `Flow::Wait`.
    let builder = Writable::builder().high_water_mark(0);
    let mut out = builder.spawn(Stuck(tell, held)).map_err(io::Error::from)?;
    let _wait = out.write_chunk("x")?;
    stuck.recv()?;
    for _ in 1..queued {
        let _wait = out.write_chunk("x")?;
    }
    let start = Instant::now();
    for _ in 0..WINDOW {
        let _wait = out.write_chunk("x")?;
    }
    let took = start.elapsed().as_nanos() as f64 / WINDOW as f64;
    drop(hold);
    out.end().wait().map_err(|error| error.to_string())?;
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
            out.drained().wait()?;
        }
        Ok(())
    };
    produce(number, each, || out.writer(), write)?;
    Ok(out.end().wait()?.totals.delivered)
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
        // There is no receiver any more, if the measurement has failed.
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
    for _ in 0..STREAMS {
        for (took, queued) in backlogs.iter_mut().zip(BACKLOGS) {
            took.push(backlog(queued)?);
        }
    }
    for _ in 0..ROUNDS {
        for ((_, way), rates) in WAYS.iter().zip(&mut rates) {
            for (rates, number) in rates.iter_mut().zip(PRODUCERS) {
                rates.push(rate(*way, number, count)?);
            }
        }
    }
    println!("| queued before | ns a write |\n| --- | --- |");
    for (queued, took) in BACKLOGS.iter().zip(&backlogs) {
        println!("| {queued} | {:.0} |", median(took.clone()));
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
    // Of each pair, the longer to the shorter.
    let growth = (0..BACKLOGS.len()).flat_map(|longer| {
        let shorter = &backlogs[..longer];
        let longer = &backlogs[longer];
        shorter.iter().map(move |shorter| ratio(longer, shorter))
    });
    goal(
        "P9",
        "a write at a longer backlog, to one at a shorter, the worst",
        growth.fold(f64::MIN, f64::max),
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
