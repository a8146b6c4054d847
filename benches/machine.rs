//! What the machine and its driver cost: each figure beside an empty loop of
//! the same shape. Figures of one run compare with each other only.

// `criterion_group` makes a public function.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use highwater::machine::{Event, Fault, Input, Measure, Options, State, step};
use highwater::{Driver, Host};

/// Takes what it is given, and answers when told to.
#[derive(Debug)]
struct Sink;

impl Host for Sink {
    type Chunk = u64;
    type Callback = ();

    fn write(_: &mut Driver<Self>, chunk: u64) {
        black_box(chunk);
    }

    fn write_batch(_: &mut Driver<Self>, chunks: Vec<u64>) {
        black_box(chunks);
    }

    fn event(_: &mut Driver<Self>, event: Event) {
        black_box(event);
    }

    fn callback(_: &mut Driver<Self>, _: (), _: Result<(), Fault>) {}
}

const OPTIONS: Options = Options::new().with_high_water_mark(1 << 20);

const CHUNK: Measure = Measure {
    len: 16,
    callback: false,
};

/// A stream whose sink is busy with a first chunk, and so many behind it.
fn busy(options: Options, queued: u64) -> Driver<Sink> {
    let mut stream = Driver::new(options, Sink);
    for chunk in 0..=queued {
        assert!(stream.write(chunk, CHUNK.len, None).is_ok());
    }
    stream
}

fn machine(c: &mut Criterion) {
    let mut group = c.benchmark_group("machine");
    group.bench_function("an empty loop", |b| b.iter(|| black_box(CHUNK)));

    let mut state = State::new(&OPTIONS);
    let _ = step(&mut state, &OPTIONS, None, Input::Write(CHUNK));
    group.bench_function("a write while busy", |b| {
        b.iter(|| {
            let mut state = black_box(state);
            let step = step(&mut state, &OPTIONS, None, Input::Write(black_box(CHUNK)));
            black_box((state, step))
        });
    });
    group.finish();
}

fn driver(c: &mut Criterion) {
    let mut group = c.benchmark_group("driver");
    let mut stream = Driver::new(OPTIONS, Sink);
    group.bench_function("write, answer, ticks", |b| {
        b.iter(|| {
            let flow = stream.write(black_box(1), CHUNK.len, None);
            stream.written(Ok(()));
            stream.run_ticks();
            black_box(flow)
        });
    });
    for (name, batches) in [("one by one", false), ("in a batch", true)] {
        let options = OPTIONS.with_batches(batches);
        group.bench_function(format!("flush of 1000, {name}"), |b| {
            b.iter_batched(
                || busy(options, 1000),
                |mut stream| {
                    while stream.state().is_writing() {
                        stream.written(Ok(()));
                    }
                    stream
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, machine, driver);
criterion_main!(benches);
