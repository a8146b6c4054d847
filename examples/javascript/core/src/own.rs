//! A stream that destroys itself, with a `destroy` of its own (a subclass may have one). In
//! Node the stream then calls that `destroy`, and nothing more happens unless that calls the
//! one of the class.
//!
//! The machine has no such method, and destroys the stream in one step. A step is a function
//! of the state, so the host may undo it, call the method, and put in `destroy` when that does.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use highwater::machine::{Input, Next, Options, State, Task, Then};

use crate::any;
use crate::slots::Slot;

/// The state before the latest step in which a stream has destroyed itself.
struct Before(UnsafeCell<MaybeUninit<State>>);

// SAFETY: the module is built without threads.
unsafe impl Sync for Before {}

static BEFORE: Before = Before(UnsafeCell::new(MaybeUninit::uninit()));

/// Keeps the state before a step, if the stream has destroyed itself in it.
#[inline]
pub(crate) fn kept(before: State, slot: &Slot, input: Input) -> bool {
    if before.is_destroyed() || !slot.state.is_destroyed() || matches!(input, Input::Destroy(_)) {
        return false;
    }
    keep(before, slot.options, input);
    true
}

#[inline(never)]
fn keep(state: State, options: Options, input: Input) {
    let mut before = Slot { state, options };
    count_answer(&mut before, input);
    if before.state.is_destroyed() {
        before.state = state;
    }
    // SAFETY: the module has one thread, and no reference to it is kept.
    unsafe { (*BEFORE.0.get()).write(before.state) };
}

/// The sink or a hook has answered with an error. Only the failure is undone, not the answer.
fn count_answer(slot: &mut Slot, input: Input) {
    let mut put = |input| {
        let _ = any(slot, -1.0, input);
    };
    match input {
        Input::Run(Task::Constructed(Err(_))) => put(Input::Run(Task::Constructed(Ok(())))),
        // With a callback the answer and the failure are two steps.
        Input::Run(Task::WriteFailed { fault, .. }) => {
            let callback = true;
            put(Input::Run(Task::WriteFailed { fault, callback }));
        }
        Input::Finalized(Err(_)) | Input::Written { result: Err(_), .. } => {
            put(Input::Resume(Then::Next(Next::EndCallback(None))));
            put(input);
        }
        _ => {}
    }
}

/// Undoes the step. `keep` has returned true for it.
pub(crate) fn undo(slot: &mut Slot) {
    // SAFETY: `keep` has written it, and no reference to it is kept.
    slot.state = unsafe { (*BEFORE.0.get()).assume_init_read() };
}
