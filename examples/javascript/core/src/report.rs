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

/// Nothing follows the callback, unless it does something with the stream.
pub(crate) const LAST: u32 = 1 << 11;

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

/// What a lease is on, as the first word.
pub(crate) fn lease(on: i32) {
    WORDS.0.set([on as u32, 0, 0, 0]);
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

// As in `pack.rs`, kind and details are matched apart.
fn effect(effect: Effect) -> (u32, pack::Pair) {
    let kind = match effect {
        Effect::Refuse(_) => 1,
        Effect::Queue => QUEUE,
        Effect::WriteGiven => WRITE_GIVEN,
        Effect::WriteHead => 4,
        Effect::WriteBatch(_) => 5,
        Effect::Construct => 6,
        Effect::Finalize => 7,
        Effect::Destroy { .. } => 8,
        Effect::Emit(Event::Open) => 9,
        Effect::Emit(Event::Drain) => 10,
        Effect::Emit(Event::Prefinish) => 11,
        Effect::Emit(Event::Finish) => 12,
        Effect::Emit(Event::Error(_)) => 13,
        Effect::Emit(Event::Close) => 14,
        Effect::Callback(_) => 15,
        Effect::RejectTaken(_) => 16,
        Effect::RejectHead(_) => 17,
        Effect::FailHead(_) => 18,
        Effect::KeepEnd => 19,
        Effect::DeferEnd(_) => 20,
        Effect::CallEnds(_) => 21,
        Effect::Defer(Task::AfterWrite { callback: true, .. }) => 23 | CALLBACK,
        Effect::Defer(Task::AfterWrite { .. }) => 23,
        Effect::Defer(_) => 22,
    };
    let details = match effect {
        Effect::Refuse(fault)
        | Effect::RejectTaken(fault)
        | Effect::RejectHead(fault)
        | Effect::FailHead(fault)
        | Effect::DeferEnd(fault)
        | Effect::Callback(Err(fault))
        | Effect::CallEnds(Err(fault))
        | Effect::Emit(Event::Error(fault)) => (pack::fault(fault), 0),
        Effect::Destroy { error, construct } => (pack::maybe(error), pack::maybe(construct)),
        Effect::WriteBatch(count) => (count, 0),
        Effect::Defer(task) => pack::task(task),
        _ => (0, 0),
    };
    (kind, details)
}
