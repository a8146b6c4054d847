//! P4: the instructions of the machine, and of a write on a lease, counted by callgrind: the same on a busy
//! machine as on an idle one. `--bin instructions` runs it and prints the goals.
//!
//! Each loop is counted at no repetition and at [`MANY`]: the difference is the
//! loop, without what stands around it.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use gungraun::{Dhat, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use highwater::machine::{Effect, Event, Fault, Input, Measure, Options, State, Step, Task, step};
use highwater::{Driver, Flow, Host, Writable};
use highwater_peers::MANY;
use tokio::runtime::{Builder, Runtime};

const OPTIONS: Options = Options::new().with_high_water_mark(1 << 20);

const CHUNK: Measure = Measure {
    len: 16,
    callback: false,
};

const ANSWER: Input = Input::Written {
    result: Ok(()),
    again: false,
};

/// The driving loop over chunks and callbacks that are only counted.
struct Counts {
    options: Options,
    state: State,
    queued: u32,
    callbacks: u32,
    tick: Option<Task>,
    at_once: bool,
}

impl Counts {
    fn new(at_once: bool) -> Self {
        Self {
            options: black_box(OPTIONS),
            state: State::new(&OPTIONS),
            queued: 0,
            callbacks: 0,
            tick: None,
            at_once,
        }
    }

    #[inline(always)]
    fn put(&mut self, input: Input) {
        let mut next = self.step(input);
        loop {
            match next.effect {
                Some(Effect::Queue) => self.queued += 1,
                Some(Effect::WriteGiven) if self.at_once => self.answer(),
                Some(Effect::Callback(_)) => self.callbacks += 1,
                Some(Effect::Defer(task)) => self.tick = Some(task),
                _ => {}
            }
            match next.then {
                Some(then) => next = self.step(Input::Resume(then)),
                None => return,
            }
        }
    }

    #[inline(always)]
    fn step(&mut self, input: Input) -> Step {
        let head = (self.queued > 0).then_some(CHUNK);
        step(&mut self.state, &self.options, head, input)
    }

    /// Nested in the sink's call.
    #[inline(never)]
    fn answer(&mut self) {
        self.put(ANSWER);
    }

    #[inline(always)]
    fn tick(&mut self) {
        if let Some(task) = self.tick.take() {
            self.put(Input::Run(task));
        }
    }
}

/// Takes what it is given, and answers when told to.
struct Sink;

impl Host for Sink {
    type Chunk = u64;
    type Callback = ();

    fn write(_: &mut Driver<Self>, chunk: u64) {
        black_box(chunk);
    }

    fn event(_: &mut Driver<Self>, _: Event) {}
    fn callback(_: &mut Driver<Self>, (): (), _: Result<(), Fault>) {}
}

/// A stream that is busy with a first chunk.
fn busy(times: u32) -> (Counts, u32) {
    let mut stream = Counts::new(false);
    stream.put(Input::Write(CHUNK));
    (stream, times)
}

fn idle(times: u32) -> (Counts, u32) {
    (Counts::new(false), times)
}

fn at_once(times: u32) -> (Counts, u32) {
    (Counts::new(true), times)
}

fn driver(times: u32) -> (Driver<Sink>, u32) {
    (Driver::new(black_box(OPTIONS), Sink), times)
}

#[library_benchmark(setup = idle)]
#[bench::none(0)]
#[bench::many(MANY)]
fn answered_later((mut stream, times): (Counts, u32)) -> Counts {
    for _ in 0..times {
        stream.put(Input::Write(black_box(CHUNK)));
        stream.put(ANSWER);
        stream.tick();
    }
    stream
}

#[library_benchmark(setup = at_once)]
#[bench::none(0)]
#[bench::many(MANY)]
fn answered_at_once((mut stream, times): (Counts, u32)) -> Counts {
    let chunk = Measure {
        callback: true,
        ..CHUNK
    };
    for _ in 0..times {
        stream.put(Input::Write(black_box(chunk)));
        stream.tick();
    }
    stream
}

#[library_benchmark(setup = busy)]
#[bench::none(0)]
#[bench::many(MANY)]
fn while_busy((mut stream, times): (Counts, u32)) -> Counts {
    for _ in 0..times {
        stream.put(Input::Write(black_box(CHUNK)));
    }
    stream
}

#[library_benchmark(setup = driver)]
#[bench::none(0)]
#[bench::many(MANY)]
fn through_the_driver((mut stream, times): (Driver<Sink>, u32)) -> Driver<Sink> {
    for _ in 0..times {
        let _ = black_box(stream.write(black_box(1), CHUNK.len, None));
        stream.written(Ok(()));
        stream.run_ticks();
    }
    stream
}

/// A stream whose owner has a lease: its worker is a task of a runtime that never runs.
struct Leased {
    out: Writable<tokio::io::Sink>,
    _runtime: Runtime,
}

fn leased(times: u32) -> (Leased, u32) {
    let runtime = Builder::new_current_thread()
        .build()
        .expect("a runtime can be made");
    let builder = Writable::builder().high_water_mark(1 << 20);
    let mut out = builder.spawn_tokio_on(runtime.handle(), tokio::io::sink());
    // For the sink, and to get the lease.
    for _ in 0..2 {
        assert!(matches!(out.write(LINE), Ok(Flow::More)));
    }
    let leased = Leased {
        out,
        _runtime: runtime,
    };
    (leased, times)
}

const LINE: &[u8] = b"a line\n";

#[library_benchmark(setup = leased)]
#[bench::none(0)]
#[bench::many(MANY)]
fn on_a_lease((mut leased, times): (Leased, u32)) -> Leased {
    for _ in 0..times {
        assert!(matches!(leased.out.write(black_box(LINE)), Ok(Flow::More)));
    }
    leased
}

#[library_benchmark(setup = leased)]
#[bench::none(0)]
#[bench::many(MANY)]
fn corks_on_a_lease((mut leased, times): (Leased, u32)) -> Leased {
    for _ in 0..times {
        let Ok(mut corked) = leased.out.cork() else {
            unreachable!("the stream is open");
        };
        for _ in 0..10 {
            assert!(matches!(corked.write(black_box(LINE)), Ok(Flow::More)));
        }
    }
    leased
}

/// Words that another thread may read up to where they are filled, and nothing else of a lease:
/// no end, no owner, no stream.
struct Words {
    words: [AtomicU64; 1024],
    reached: AtomicUsize,
}

impl Words {
    /// Four to seven bytes: a loop over them takes more.
    #[inline(always)]
    fn fill(&self, bytes: &[u8]) {
        let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) else {
            return;
        };
        let last = u64::from(u32::from_le_bytes(*last));
        let word = u64::from(u32::from_le_bytes(*first)) | last << ((bytes.len() - 4) * 8);
        let at = self.reached.load(Ordering::Relaxed);
        let (index, bits) = (at / 8, (at % 8 * 8) as u32);
        let place = &self.words[index % 1024];
        let low = place.load(Ordering::Relaxed) | word << bits;
        place.store(low, Ordering::Relaxed);
        let high = (word >> 1) >> (63 - bits);
        self.words[(index + 1) % 1024].store(high, Ordering::Relaxed);
        self.reached.store(at + bytes.len(), Ordering::Release);
    }
}

fn words(times: u32) -> (Box<Words>, u32) {
    let words = Words {
        words: [const { AtomicU64::new(0) }; 1024],
        reached: AtomicUsize::new(0),
    };
    (Box::new(words), times)
}

#[library_benchmark(setup = words)]
#[bench::none(0)]
#[bench::many(MANY)]
fn words_alone((words, times): (Box<Words>, u32)) -> Box<Words> {
    for _ in 0..times {
        words.fill(black_box(LINE));
    }
    words
}

// So that it is seen that allocations are counted.
#[library_benchmark]
#[bench::none(0)]
#[bench::many(MANY)]
fn allocating(times: u32) -> Vec<String> {
    (0..times).map(|n| black_box(n.to_string())).collect()
}

library_benchmark_group!(
    name = machine,
    benchmarks = [
        answered_later,
        answered_at_once,
        while_busy,
        through_the_driver,
        on_a_lease,
        corks_on_a_lease,
        words_alone,
        allocating
    ]
);
main!(
    config = LibraryBenchmarkConfig::default().tool(Dhat::default()),
    library_benchmark_groups = machine
);
