//! A producer whose small writes were answered on
//! [`State::lease_to_queue`](highwater::machine::State::lease_to_queue) and put in later,
//! as one chunk, cannot be distinguished from one whose writes were put in one by one. The adapters
//! rest on it.

use std::cell::Cell;

use highwater::machine::{Event, Fault, Lease, Options};
use highwater::{Driver, Flow, Host};
use highwater_testkit::random;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Call {
    Write(u8),
    Cork,
    Uncork,
    End,
    Destroy,
    Answer(bool),
    Open(bool),
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        16 => (1..5_u8).prop_map(Call::Write),
        2 => Just(Call::Cork),
        3 => Just(Call::Uncork),
        1 => Just(Call::End),
        1 => Just(Call::Destroy),
        6 => prop::bool::weighted(0.9).prop_map(Call::Answer),
        2 => prop::bool::weighted(0.9).prop_map(Call::Open),
    ]
}

/// What there is to see from outside.
#[derive(Debug, PartialEq)]
enum Seen {
    Answer(Result<Flow, Fault>),
    /// The bytes of one call of the sink.
    Sent(Vec<u8>),
    Event(Event),
    Unsent(Vec<u8>),
    Gauges {
        length: u64,
        in_flight: u64,
        accepted: u64,
        needs_drain: bool,
        phase: highwater::machine::Phase,
    },
}

#[derive(Default)]
struct Outside {
    seen: Vec<Seen>,
    writing: bool,
    opening: bool,
}

impl Host for Outside {
    type Chunk = Vec<u8>;
    type Callback = ();

    fn write(stream: &mut Driver<Self>, chunk: Vec<u8>) {
        Self::write_batch(stream, vec![chunk]);
    }
    fn write_batch(stream: &mut Driver<Self>, chunks: Vec<Vec<u8>>) {
        let outside = stream.host_mut();
        outside.writing = true;
        outside.seen.push(Seen::Sent(chunks.concat()));
    }
    fn construct(stream: &mut Driver<Self>) {
        stream.host_mut().opening = true;
    }
    fn event(stream: &mut Driver<Self>, event: Event) {
        stream.host_mut().seen.push(Seen::Event(event));
    }
    fn callback(_: &mut Driver<Self>, (): (), _: Result<(), Fault>) {}
    fn unsent(stream: &mut Driver<Self>, chunk: Vec<u8>) {
        let seen = &mut stream.host_mut().seen;
        // In how many chunks they come back is not promised.
        match seen.last_mut() {
            Some(Seen::Unsent(bytes)) => bytes.extend(chunk),
            _ => seen.push(Seen::Unsent(chunk)),
        }
    }
}

/// A producer's side, with the lease that the machine gives, and some more.
struct Producer {
    stream: Driver<Outside>,
    small: Vec<u8>,
    lease: Option<Lease>,
    count: u8,
    /// How many writes returned `Wait`, and how many did not.
    on_lease: [u32; 2],
}

impl Producer {
    fn new(options: Options) -> Self {
        let mut stream = Driver::new(options, Outside::default());
        stream.run_ticks();
        Self {
            stream,
            small: Vec::new(),
            lease: None,
            count: 0,
            on_lease: [0; 2],
        }
    }

    fn see(&mut self, seen: Seen) {
        self.stream.host_mut().seen.push(seen);
    }

    /// `extra`: how much is taken beyond the lease, if the producer uses one.
    fn call(&mut self, call: Call, extra: Option<u64>) {
        if let (Call::Write(len), Some(extra), Some(lease)) = (call, extra, self.lease) {
            if lease.count > 0 && u64::from(len) <= lease.len.saturating_add(extra) {
                let bytes = self.bytes(len);
                self.small.extend(bytes);
                let left = lease.len.saturating_sub(u64::from(len));
                self.lease = Some(Lease { len: left, ..lease });
                self.on_lease[usize::from(lease.answer == Flow::More)] += 1;
                return self.see(Seen::Answer(Ok(lease.answer)));
            }
        }
        self.settle();
        match call {
            Call::Write(len) => {
                let bytes = self.bytes(len);
                let answer = self.stream.write(bytes, len.into(), None);
                self.see(Seen::Answer(answer.map_err(|refused| refused.fault)));
            }
            Call::Cork => self.stream.cork(),
            Call::Uncork => self.stream.uncork(),
            Call::End => drop(self.stream.end(None, None)),
            Call::Destroy => self.stream.destroy(None),
            Call::Answer(ok) => {
                if std::mem::take(&mut self.stream.host_mut().writing) {
                    self.stream.written(if ok {
                        Ok(())
                    } else {
                        Err(Fault::Caller(highwater::machine::ErrorId(1)))
                    });
                }
            }
            Call::Open(ok) => {
                if std::mem::take(&mut self.stream.host_mut().opening) {
                    self.stream.constructed(if ok {
                        Ok(())
                    } else {
                        Err(Fault::Caller(highwater::machine::ErrorId(2)))
                    });
                }
            }
        }
        self.stream.run_ticks();
        let state = self.stream.state();
        self.lease = Some(state.lease_to_queue(self.stream.options()));
        let gauges = Seen::Gauges {
            length: state.length(),
            in_flight: state.in_flight(),
            accepted: self.stream.accepted(),
            needs_drain: state.needs_drain(),
            phase: state.phase(),
        };
        // A write does not look; any other call does.
        if !matches!(call, Call::Write(_)) {
            self.see(gauges);
        }
    }

    fn bytes(&mut self, len: u8) -> Vec<u8> {
        self.count = self.count.wrapping_add(len);
        (0..len).map(|n| self.count.wrapping_sub(n)).collect()
    }

    fn settle(&mut self) {
        if !self.small.is_empty() {
            let small = std::mem::take(&mut self.small);
            let len = small.len() as u64;
            // What it answers has been said already.
            drop(self.stream.write(small, len, None));
            self.stream.run_ticks();
        }
    }
}

fn script() -> impl Strategy<Value = (Options, Vec<Call>)> {
    let marks = (1..12_u64, 0..8_u64, prop_oneof![Just(u64::MAX), 3..14_u64]);
    let options = (marks, any::<[bool; 3]>()).prop_map(|((high, low, limit), flags)| {
        let [construct, destroy, refusals] = flags;
        Options::new()
            .with_batches(true)
            .with_high_water_mark(high)
            .with_low_water_mark(low)
            .with_limit(limit)
            .with_construct(construct)
            .with_auto_destroy(destroy)
            .with_refusals_fail(refusals)
    });
    (options, prop::collection::vec(call(), 0..60))
}

/// Both, side by side; how many writes were answered on a lease.
fn compare(options: Options, calls: &[Call], extra: u64) -> Result<[u32; 2], TestCaseError> {
    let mut one_by_one = Producer::new(options);
    let mut on_lease = Producer::new(options);
    for &call in calls {
        one_by_one.call(call, None);
        on_lease.call(call, Some(extra));
    }
    on_lease.settle();
    prop_assert_eq!(&one_by_one.stream.host().seen, &on_lease.stream.host().seen);
    Ok(on_lease.on_lease)
}

#[test]
fn small_writes_on_a_lease_make_no_difference() {
    let count = Cell::new([0; 2]);
    random::check(10_000, &script(), |(options, calls)| {
        let [waits, more] = compare(options, &calls, 0)?;
        count.set([count.get()[0] + waits, count.get()[1] + more]);
        Ok(())
    });
    let [waits, more] = count.get();
    assert!(waits > 1_000 && more > 1_000, "{waits}, {more} on a lease");
}

/// The law is as sharp as can be: one byte more, and it is seen.
#[test]
fn a_byte_more_than_the_lease_is_noticed() {
    let noticed = Cell::new(0);
    random::check(2_000, &script(), |(options, calls)| {
        noticed.set(noticed.get() + u32::from(compare(options, &calls, 1).is_err()));
        Ok(())
    });
    assert!(noticed.get() > 100, "{}", noticed.get());
}
