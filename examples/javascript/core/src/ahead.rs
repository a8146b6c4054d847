//! A step that is done ahead, and can be undone.

use core::cell::Cell;

use highwater::machine::{Input, Next, Options, State, Then, step};

use crate::slots::Slot;

/// The state before the step. There is one: the host goes ahead with one stream at a time.
struct Before(Cell<State>);

// SAFETY: the module is built without threads.
unsafe impl Sync for Before {}

static BEFORE: Before = Before(Cell::new(State::new(&Options::new())));

/// Does what is due after a call of the sink by a flush that returns without an answer.
/// Does nothing and returns false if that has an effect.
///
/// While the sink has a chunk the queue is not looked at, so the step needs no head.
pub(crate) fn go(slot: &mut Slot) -> bool {
    BEFORE.0.set(slot.state);
    let next = Next::AfterWrite { callback: false };
    let resumed = Input::Resume(Then::Flushing(next));
    let ahead = step(&mut slot.state, &slot.options, None, resumed);
    let ahead = ahead.effect.is_none() && ahead.then.is_none();
    if !ahead {
        back(slot);
    }
    ahead
}

/// Undoes the step.
pub(crate) fn back(slot: &mut Slot) {
    slot.state = BEFORE.0.get();
}
