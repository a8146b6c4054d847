//! A step that is done ahead, and can be undone.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use highwater::machine::{Input, Next, State, Then, step};

use crate::slots::Slot;

type Word = MaybeUninit<u64>;

const WORDS: usize = size_of::<State>() / size_of::<Word>();
const _: () = assert!(
    size_of::<State>() % size_of::<Word>() == 0 && align_of::<State>() == align_of::<Word>()
);

/// The state before the step. There is one: the host goes ahead with one stream at a time.
struct Before(UnsafeCell<MaybeUninit<State>>);

// SAFETY: the module is built without threads.
unsafe impl Sync for Before {}

static BEFORE: Before = Before(UnsafeCell::new(MaybeUninit::uninit()));

/// Copies a state word by word. Engines call a function for `memory.copy`, which takes as
/// long as the rest of the step.
fn copy(from: *const State, to: *mut State) {
    for n in 0..WORDS {
        // SAFETY: both are states, which are so many words, and may have padding. Volatile,
        // so that the compiler makes no `memory.copy` of the loop.
        unsafe {
            let word = from.cast::<Word>().add(n).read_volatile();
            to.cast::<Word>().add(n).write_volatile(word);
        }
    }
}

/// Does what is due after a call of the sink by a flush that returns without an answer.
/// Does nothing and returns false if that has an effect.
///
/// While the sink has a chunk the queue is not looked at, so the step needs no head.
pub(crate) fn go(slot: &mut Slot) -> bool {
    copy(&raw const slot.state, BEFORE.0.get().cast());
    let next = Next::AfterWrite { callback: false };
    let resumed = Input::Resume(Then::Flushing(next));
    let ahead = step(&mut slot.state, &slot.options, None, resumed);
    let ahead = ahead.effect.is_none() && ahead.then.is_none();
    if !ahead {
        back(slot);
    }
    ahead
}

/// Undoes the step. `go` has returned true before, for the same stream.
pub(crate) fn back(slot: &mut Slot) {
    copy(BEFORE.0.get().cast(), &raw mut slot.state);
}
