//! Steps of the real machine, written down so that something else can judge
//! each: six texts a line, separated by tabs.

use std::collections::HashSet;
use std::io::{self, Write};

use highwater::machine::{Input, Leased, Measure, Options, State, step};
use proptest::prelude::RngCore;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::bounds::Bounds;
use super::drive::{Observer, Taken};
use super::graph::Graph;
use super::world::{Action, World};

/// Writes one step down.
pub(crate) fn line(out: &mut impl Write, options: &Options, taken: &Taken) -> io::Result<()> {
    let Taken {
        before,
        head,
        input,
        after,
        step,
    } = taken;
    writeln!(
        out,
        "{options:?}\t{before:?}\t{head:?}\t{input:?}\t{after:?}\t{step:?}"
    )
}

/// What no action of the world puts in, or not with such numbers: progress of any
/// length, and settlements below, at and just past what each lease covers.
fn aside(options: &Options, state: &State) -> Vec<Input> {
    let queue = state.lease_to_queue(options);
    let (write, call) = (state.lease_to_write(options), state.lease_to_call(options));
    let numbers = |count: u32| [0, 1, count / 2, count, count.saturating_add(1)];
    let mut inputs = vec![Input::Joined];
    let in_flight = state.in_flight();
    for part in [0, in_flight / 2, in_flight, in_flight.saturating_add(1)] {
        inputs.push(Input::Progress(part));
    }
    for (at, number) in numbers(queue.count).into_iter().enumerate() {
        let callback = at % 2 == 0;
        for len in [0, queue.len / 2, queue.len, queue.len.saturating_add(1)] {
            let chunks = number;
            let queued = Leased::Queued {
                chunks,
                len,
                callback,
            };
            inputs.push(Input::Settle(queued));
        }
    }
    for callbacks in numbers(write.count) {
        for deferred in [false, true] {
            let written = Leased::Written {
                callbacks,
                deferred,
            };
            inputs.push(Input::Settle(written));
        }
    }
    for callbacks in numbers(call.count) {
        inputs.push(Input::Settle(Leased::Called { callbacks }));
    }
    let flush = state.lease_to_flush(options);
    for answers in numbers(flush.count) {
        for len in [in_flight, flush.len, flush.len.saturating_add(1)] {
            inputs.push(Input::Settle(Leased::Flushed { answers, len }));
        }
    }
    inputs
}

/// What this input would do to this state.
fn would(options: &Options, before: State, input: Input) -> Taken {
    // The chunk that the sink has now.
    let head = match input {
        Input::Settle(Leased::Flushed { answers, len }) => Some(Measure {
            len: before.length().saturating_sub(len),
            callback: answers % 2 == 0,
        }),
        _ => None,
    };
    let mut after = before;
    let step = step(&mut after, options, head, input);
    Taken {
        before,
        head,
        input,
        after,
        step,
    }
}

/// Keeps every different step, and what else could come to each state.
#[derive(Default)]
struct Different {
    steps: HashSet<Taken>,
    states: HashSet<State>,
}

impl Observer for Different {
    fn stepped(&mut self, options: &Options, taken: &Taken) {
        self.steps.insert(*taken);
        if self.states.insert(taken.after) {
            let inputs = aside(options, &taken.after).into_iter();
            let more = inputs.map(|input| would(options, taken.after, input));
            self.steps.extend(more);
        }
    }
}

/// Every different step that is taken within these bounds.
pub fn all(bounds: &Bounds, out: impl Write) -> Result<(), String> {
    let mut different = Different::default();
    Graph::span_watched(bounds, &mut different);
    let mut out = io::BufWriter::new(out);
    let mut lines = different
        .steps
        .iter()
        .map(|taken| line(&mut out, &bounds.options, taken));
    let written = lines.try_for_each(|line| line);
    written
        .and_then(|()| out.flush())
        .map_err(|error| format!("standard output: {error}"))
}

/// Writes each step down.
struct Pen<W: Write> {
    out: W,
    left: usize,
    result: io::Result<()>,
}

impl<W: Write> Observer for Pen<W> {
    fn stepped(&mut self, options: &Options, taken: &Taken) {
        if self.left > 0 && self.result.is_ok() {
            self.left -= 1;
            self.result = line(&mut self.out, options, taken);
        }
    }
}

/// So many steps of random runs.
pub fn walk(seed: u64, steps: usize, out: impl Write) -> Result<(), String> {
    let mut pen = Pen {
        out: io::BufWriter::new(out),
        left: steps,
        result: Ok(()),
    };
    wander(seed, &mut pen, |pen| pen.left > 0 && pen.result.is_ok());
    let written = pen.result.and_then(|()| pen.out.flush());
    written.map_err(|error| format!("standard output: {error}"))
}

/// Random runs, watched as long as the observer wants more: long ones, with lengths
/// and marks of any size.
pub fn wander<O: Observer>(seed: u64, observer: &mut O, more: impl Fn(&O) -> bool) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut random = Random(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    while more(observer) {
        let mut bounds = random.bounds();
        let mut world = World::watched(&bounds, observer);
        for _ in 0..random.below(1_000) {
            random.act(&mut world, &bounds, observer);
            random.look_aside(&world.state, &bounds.options, observer);
        }
        // Then everything is answered, so that it may finish.
        world.act(&bounds, Action::End, observer);
        bounds.user_calls = vec!["cork".to_owned()];
        bounds.max_cork = 0;
        bounds.lens.clear();
        for _ in 0..1_000 {
            random.act(&mut world, &bounds, observer);
            random.look_aside(&world.state, &bounds.options, observer);
        }
    }
}

struct Random(TestRng);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.0.next_u64() % end).unwrap_or_default()
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 0
    }

    /// A number of any size, small ones as often as large ones.
    fn number(&mut self) -> u64 {
        let bits = u32::try_from(self.below(65)).unwrap_or_default();
        self.0.next_u64().checked_shr(64 - bits).unwrap_or_default()
    }

    /// Does something that the world may do, if there is something.
    fn act(&mut self, world: &mut World, bounds: &Bounds, pen: &mut impl Observer) {
        let actions = world.actions(bounds);
        if let Some(&action) = actions.get(self.below(actions.len())) {
            world.act(bounds, self.other_length(action), pen);
        }
    }

    /// Now and then, writes down what an input would do that is not put in.
    fn look_aside(&mut self, state: &State, options: &Options, pen: &mut impl Observer) {
        let inputs = aside(options, state);
        let chosen = inputs.get(self.below(2 * inputs.len()));
        let input = match chosen {
            Some(Input::Progress(_)) => Input::Progress(self.number()),
            Some(input) => *input,
            None => return,
        };
        pen.stepped(options, &would(options, *state, input));
    }

    fn other_length(&mut self, action: Action) -> Action {
        match action {
            Action::Write(_) => Action::Write(self.number()),
            Action::WriteWithCallback(_) => Action::WriteWithCallback(self.number()),
            Action::EndChunk(_) => Action::EndChunk(self.number()),
            Action::Progress(_) => Action::Progress(self.number()),
            other => other,
        }
    }

    /// Bounds that bound little.
    fn bounds(&mut self) -> Bounds {
        let (construct, finalize) = (self.flag(), self.flag());
        let limit = if self.flag() { u64::MAX } else { self.number() };
        let stops = self.flag();
        let calls: &[&str] = if stops {
            &["cork", "end", "endChunk", "destroy", "destroyError"]
        } else {
            &["cork"]
        };
        let failing: &[&str] = if stops {
            &["write", "construct", "final", "destroy"]
        } else {
            &[]
        };
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let options = Options::new()
            .with_high_water_mark(self.number())
            .with_low_water_mark(self.number())
            .with_limit(limit)
            .with_object_mode(self.below(4) == 0)
            .with_auto_destroy(self.flag())
            .with_refusals_fail(self.flag())
            .with_emit_close(self.flag())
            .with_batches(self.flag())
            .with_construct(construct)
            .with_finalize(finalize);
        Bounds {
            has_construct: construct,
            has_final: finalize,
            lens: vec![0, 0, 0, 0],
            with_callback: vec![true, false],
            user_calls: texts(calls),
            failing: texts(failing),
            twice: self.below(8) == 0,
            parts: if self.flag() { vec![0] } else { Vec::new() },
            max_queue: 200,
            max_ticks: 50,
            max_cork: 3,
            max_ends: 5,
            max_nest: self.below(6),
            ..Bounds::new(options)
        }
    }
}
