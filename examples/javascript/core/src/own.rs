//! A stream that destroys itself, with a `destroy` of its own (a subclass may have one). In
//! Node the stream then calls that `destroy`, and nothing more happens unless that calls the
//! one of the class.
//!
//! The machine has no such method, and destroys the stream in one step. A step is a function
//! of the state, so the host may undo it, call the method, and put in `destroy` when that does.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;

use highwater::machine::{Effect, Fault, Input, Measure, Next, Options, State, Step, Task, Then};

use crate::slots::Slot;
use crate::{any, pack};

type Word = MaybeUninit<u64>;

const WORDS: usize = size_of::<State>() / size_of::<Word>();
const _: () = assert!(
    size_of::<State>() % size_of::<Word>() == 0 && align_of::<State>() == align_of::<Word>()
);

/// The state before the latest step; and once a stream has destroyed itself in that, the state
/// that it gets instead, and the fault that it has destroyed itself with.
struct Before {
    state: UnsafeCell<MaybeUninit<State>>,
    fault: Cell<u32>,
}

// SAFETY: the module is built without threads.
unsafe impl Sync for Before {}

static BEFORE: Before = Before {
    state: UnsafeCell::new(MaybeUninit::uninit()),
    fault: Cell::new(0),
};

/// Before a step. Copies the state word by word: engines call a function for `memory.copy`,
/// which takes as long as the rest of the step.
#[inline]
pub(crate) fn remember(slot: &Slot) {
    let from = (&raw const slot.state).cast::<Word>();
    let to = BEFORE.state.get().cast::<Word>();
    for n in 0..WORDS {
        // SAFETY: both are states, which are so many words, and may have padding. Volatile,
        // so that the compiler makes no `memory.copy` of the loop.
        unsafe { to.add(n).write_volatile(from.add(n).read_volatile()) };
    }
}

/// After a step: whether the stream has destroyed itself in it. Also if it would have, had it
/// not been destroyed before: Node calls `destroy` then.
#[inline]
pub(crate) fn itself(slot: &Slot, input: Input, step: Step) -> bool {
    slot.state.is_destroyed() && keep(slot, input, step)
}

#[inline(never)]
fn keep(slot: &Slot, input: Input, step: Step) -> bool {
    let options = &slot.options;
    // SAFETY: `remember` has written it. The module has one thread, and a step does not use it.
    let before = unsafe { (*BEFORE.state.get()).assume_init_mut() };
    let mut fault = None;
    let finished = matches!(input, Input::Resume(Then::AutoDestroy));
    if matches!(input, Input::Destroy(_)) || before.is_destroyed() && !finished {
        return false;
    }
    if before.is_destroyed() {
        let mut fresh = State::new(options);
        let _ = any(&mut fresh, options, -1.0, input);
        if !fresh.is_destroyed() {
            return false;
        }
    } else {
        fault = destroyed_with(slot, step);
        let mut counted = *before;
        count_answer(&mut counted, options, input);
        if !counted.is_destroyed() {
            *before = counted;
        }
    }
    BEFORE.fault.set(pack::maybe(fault));
    true
}

/// What the stream has destroyed itself with. If the machine rejects something first, the step
/// after that says so.
fn destroyed_with(slot: &Slot, step: Step) -> Option<Fault> {
    let next = Input::Resume(Then::CallDestroy);
    let mut state = slot.state;
    let effect = match step.effect {
        Some(Effect::Destroy { .. }) => step.effect,
        _ => any(&mut state, &slot.options, -1.0, next).effect,
    };
    match effect {
        Some(Effect::Destroy { error, .. }) => error,
        _ => state.errored(),
    }
}

/// All of the queue has been rejected.
const REJECTED: Input = Input::Resume(Then::Reject(Next::Nothing));

/// The sink or a hook has answered with an error. Only the failure is undone, not the answer.
fn count_answer(state: &mut State, options: &Options, input: Input) {
    let failed_before = state.errored().is_some();
    let mut put = |input| {
        let _ = any(state, options, -1.0, input);
    };
    match input {
        Input::Run(Task::Constructed(Err(_))) => put(Input::Run(Task::Constructed(Ok(())))),
        // With a callback the answer and the failure are two steps.
        Input::Run(Task::WriteFailed { fault, .. }) => {
            let callback = true;
            put(Input::Run(Task::WriteFailed { fault, callback }));
            put(REJECTED);
        }
        Input::Resume(Then::Reject(_)) => put(REJECTED),
        // To Node `_final` is through, with an error as well: 'prefinish' does not come, but
        // 'finish' does if nothing destroys the stream.
        Input::Finalized(Err(_)) => put(Input::Finalized(Ok(()))),
        Input::Resume(Then::FailFinal(_)) => {
            put(Input::Resume(Then::DeferFinish));
            put(Input::Finalized(Ok(())));
        }
        // A chunk that is rejected, of no bytes, makes two steps of it. What is pending is one
        // less for the answer.
        Input::Written { result: Err(_), .. } if failed_before => {
            let (len, callback) = (0, false);
            put(Input::Write(Measure { len, callback }));
            put(input);
            let (left, callback) = (1, true);
            put(Input::Resume(Then::Callbacks { left, callback }));
            put(REJECTED);
        }
        Input::Written { result: Err(_), .. } => {
            put(Input::Resume(Then::Next(Next::EndCallback(None))));
            put(input);
        }
        _ => {}
    }
}

/// Undoes the step, of which `itself` has said so. Returns the fault that the stream has
/// destroyed itself with, or 0.
pub(crate) fn undo(slot: &mut Slot) -> u32 {
    // SAFETY: as in `keep`.
    slot.state = unsafe { (*BEFORE.state.get()).assume_init_read() };
    BEFORE.fault.get()
}
