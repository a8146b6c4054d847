//! What a step leads to, as one number and four words of memory.
//!
//! The number has the effect in its bits 0 to 4, and flags above. The words have the
//! details: 0 and 1 the continuation, 2 and 3 those of the effect. They hold until the next
//! call of an export, so the host reads them at once.

use core::cell::Cell;

use highwater::machine::{Effect, Event, Step, Task, Then};

use crate::pack;

/// The step has a continuation: words 0 and 1.
pub(crate) const THEN: u32 = 1 << 5;
/// The sink's answer is taken for the write in flight: its callbacks are due.
pub(crate) const TAKEN: u32 = 1 << 6;
/// No after-write was counted before this step (rule 10).
pub(crate) const UNCOUNTED: u32 = 1 << 7;
/// The answer of `write` is true.
pub(crate) const ROOM: u32 = 1 << 8;
/// The after-write to be deferred has callbacks.
pub(crate) const CALLBACK: u32 = 1 << 9;

/// The stream has destroyed itself in this step, which may be undone. Or it has finished and
/// would have, had it not been destroyed before: a `destroy` of its own is called then, as well.
pub(crate) const SELF: u32 = 1 << 10;

pub(crate) const QUEUE: u32 = 2;
pub(crate) const WRITE_GIVEN: u32 = 3;

/// Four words that the host reads.
struct Words(Cell<[u32; 4]>);

// SAFETY: the module is built without threads.
unsafe impl Sync for Words {}

static WORDS: Words = Words(Cell::new([0; 4]));

/// The address of the four words.
pub(crate) fn words() -> u32 {
    WORDS.0.as_ptr() as u32
}

pub(crate) fn report(step: Step) -> u32 {
    let (effect, (third, fourth)) = step.effect.map_or((0, (0, 0)), effect);
    let mut number = effect;
    let (mut first, mut second) = (0, 0);
    match step.then {
        // The host knows that a direct write has an answer to come.
        None | Some(Then::Answer) => {}
        Some(then) => {
            (first, second) = pack::then(then);
            number |= THEN;
        }
    }
    WORDS.0.set([first, second, third, fourth]);
    number
}

fn effect(effect: Effect) -> (u32, pack::Pair) {
    match effect {
        Effect::Refuse(fault) => (1, (pack::fault(fault), 0)),
        Effect::Queue => (QUEUE, (0, 0)),
        Effect::WriteGiven => (WRITE_GIVEN, (0, 0)),
        Effect::WriteHead => (4, (0, 0)),
        Effect::WriteBatch(count) => (5, (count, 0)),
        Effect::Construct => (6, (0, 0)),
        Effect::Finalize => (7, (0, 0)),
        Effect::Destroy { error, construct } => (8, (pack::maybe(error), pack::maybe(construct))),
        Effect::Emit(event) => emit(event),
        Effect::Callback(result) => (15, (pack::result(result), 0)),
        Effect::RejectTaken(fault) => (16, (pack::fault(fault), 0)),
        Effect::RejectHead(fault) => (17, (pack::fault(fault), 0)),
        Effect::FailHead(fault) => (18, (pack::fault(fault), 0)),
        Effect::KeepEnd => (19, (0, 0)),
        Effect::DeferEnd(fault) => (20, (pack::fault(fault), 0)),
        Effect::CallEnds(result) => (21, (pack::result(result), 0)),
        Effect::Defer(Task::AfterWrite { callback, .. }) => {
            (23 | if callback { CALLBACK } else { 0 }, (0, 0))
        }
        Effect::Defer(task) => (22, pack::task(task)),
    }
}

fn emit(event: Event) -> (u32, pack::Pair) {
    match event {
        Event::Open => (9, (0, 0)),
        Event::Drain => (10, (0, 0)),
        Event::Prefinish => (11, (0, 0)),
        Event::Finish => (12, (0, 0)),
        Event::Error(fault) => (13, (pack::fault(fault), 0)),
        Event::Close => (14, (0, 0)),
    }
}
