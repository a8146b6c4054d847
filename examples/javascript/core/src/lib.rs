//! The machine of highwater as a WebAssembly module.
//!
//! Each export is one input of the machine or one look at a [`State`](highwater::machine::State):
//! nothing is decided here. Streams have numbers, the addresses of their slots
//! (`slots.rs`). What a step leads to is a number and four words of memory (`report.rs`).
//! Faults, tasks and continuations are numbers (`pack.rs`). Lengths and marks are `f64`, as
//! all numbers of JavaScript; a negative one means "none".
#![no_std]

mod own;
mod pack;
mod report;
mod slots;

use highwater::machine::{
    Effect, End, Flow, Input, Lease, Leased, Measure, Next, Options, Quirks, State, Step, Task,
    Then, step,
};
use report::{LAST, QUEUE, ROOM, SELF, TAKEN, UNCOUNTED, WRITE_GIVEN, report};
use slots::{Slot, at};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Where the four words of a report are, as an address in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn words() -> u32 {
    report::words()
}

/// Makes a stream: see [`options`]. Returns its number, or 0 if there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn create(bits: u32, high: f64, low: f64, limit: f64) -> u32 {
    slots::create(options(bits, high, low, limit))
}

/// Forgets a stream. Its number may be that of another one from now on.
#[unsafe(no_mangle)]
pub extern "C" fn release(stream: u32) {
    slots::release(stream);
}

/// The stream begins anew with these options, as `create` makes it.
#[unsafe(no_mangle)]
pub extern "C" fn renew(stream: u32, bits: u32, high: f64, low: f64, limit: f64) {
    let options = options(bits, high, low, limit);
    let state = State::new(&options);
    *at(stream) = Slot { state, options };
}

/// Whether `_writev` (bit 0) and `_final` (bit 1) are there now.
#[unsafe(no_mangle)]
pub extern "C" fn hooks(stream: u32, bits: u32) {
    let slot = at(stream);
    let options = slot.options.with_batches(bits & 1 != 0);
    slot.options = options.with_finalize(bits & 2 != 0);
}

/// The caller has changed an option. The low-water mark and the limit stay.
#[unsafe(no_mangle)]
pub extern "C" fn configure(stream: u32, bits: u32, high: f64) {
    let slot = at(stream);
    let (low, limit) = (slot.options.low_water_mark(), slot.options.limit());
    slot.options = options(bits, high, low as f64, -1.0).with_limit(limit);
}

/// Bits: 0 `_writev`, 1 `_final`, 2 `_construct`, 3 objects, 4 autoDestroy, 5 emitClose,
/// 6 Node's quirks.
fn options(bits: u32, high: f64, low: f64, limit: f64) -> Options {
    let on = |bit: u32| bits >> bit & 1 != 0;
    Options::new()
        .with_high_water_mark(high as u64)
        .with_low_water_mark(low as u64)
        .with_limit(if limit < 0.0 { u64::MAX } else { limit as u64 })
        .with_batches(on(0))
        .with_finalize(on(1))
        .with_construct(on(2))
        .with_object_mode(on(3))
        .with_auto_destroy(on(4))
        .with_emit_close(on(5))
        .with_quirks(if on(6) { quirks() } else { Quirks::NONE })
}

/// Node's quirks. To show that the comparisons notice it, a module can be built without one
/// of them (`build.sh --without NAME`).
fn quirks() -> Quirks {
    match option_env!("HIGHWATER_WITHOUT").and_then(Quirks::by_name) {
        Some(missing) => Quirks::NODE.without(missing),
        None => Quirks::NODE,
    }
}

/// The head of the host's queue: its length times two, plus one if it has a callback;
/// negative if the queue is empty.
#[inline(always)]
fn measure(head: f64) -> Option<Measure> {
    if head < 0.0 {
        return None;
    }
    let head = head as u64;
    Some(Measure {
        len: head >> 1,
        callback: head & 1 != 0,
    })
}

/// Most exports go this way, so the rules are in the module once; the few that are called for
/// each write have their own copy of what concerns them.
#[inline(never)]
fn put(stream: u32, head: f64, input: Input) -> u32 {
    let slot = at(stream);
    let uncounted = uncounted(slot);
    own::remember(slot);
    let step = any(&mut slot.state, &slot.options, head, input);
    let itself = if own::itself(slot, input, step) {
        SELF
    } else {
        0
    };
    report(step) | uncounted | itself | last(slot, step)
}

/// The last callback of a write is called as on the lease to call, if that is on and no
/// after-write waits: nothing follows it (`law_call_next` in `spec/symbolic`).
#[inline(always)]
fn last(slot: &Slot, step: Step) -> u32 {
    let ok = matches!(step.effect, Some(Effect::Callback(Ok(()))));
    let last = ok && matches!(step.then, Some(Then::Callbacks { left: 0, .. }));
    let alone = last && !slot.state.counts_after_write();
    if alone && slot.state.lease_to_call(&slot.options).count > 0 {
        LAST
    } else {
        0
    }
}

/// Any step.
#[inline(never)]
fn any(state: &mut State, options: &Options, head: f64, input: Input) -> Step {
    step(state, options, measure(head), input)
}

#[inline(always)]
fn uncounted(slot: &Slot) -> u32 {
    if slot.state.counts_after_write() {
        0
    } else {
        UNCOUNTED
    }
}

/// An input without a chunk: 0 start, 1 cork, 2 uncork, 3 destroy, 4 constructed,
/// 5 finalized, 6 destroyed, 7 joined.
#[unsafe(no_mangle)]
pub extern "C" fn call(stream: u32, which: u32, fault: u32, head: f64) -> u32 {
    let input = match which {
        0 => Input::Start,
        1 => Input::Cork,
        2 => Input::Uncork,
        3 => Input::Destroy(pack::to_fault(fault)),
        4 => Input::Constructed(pack::to_result(fault)),
        5 => Input::Finalized(pack::to_result(fault)),
        6 => Input::Destroyed(pack::to_fault(fault)),
        _ => Input::Joined,
    };
    put(stream, head, input)
}

/// `write`. If the effect is to queue it, the answer is in the report, and the lease to queue in
/// the first word: see [`lease_to_queue`].
#[unsafe(no_mangle)]
pub extern "C" fn write(stream: u32, len: f64, callback: u32) -> u32 {
    let slot = at(stream);
    let chunk = Measure {
        len: len as u64,
        callback: callback != 0,
    };
    let step = step(&mut slot.state, &slot.options, None, Input::Write(chunk));
    match step.effect {
        Some(Effect::WriteGiven) => WRITE_GIVEN,
        Some(Effect::Queue) => {
            report::lease(lease_to_queue(slot));
            QUEUE | room(slot)
        }
        _ => report(step),
    }
}

/// The sink's call of a direct write has returned. Bit 0: the answer of `write`. The bits
/// above: how many writes the lease to write is on. A stream with a limit gets none, so that
/// the host has no length to compare.
#[unsafe(no_mangle)]
pub extern "C" fn returned(stream: u32) -> u32 {
    let slot = at(stream);
    let _ = step(
        &mut slot.state,
        &slot.options,
        None,
        Input::Resume(Then::Answer),
    );
    let lease = slot.state.lease_to_write(&slot.options);
    let writes = if lease.len == u64::MAX {
        count(lease)
    } else {
        0
    };
    writes << 1 | u32::from(slot.state.answer(&slot.options) == Flow::More)
}

fn room(slot: &Slot) -> u32 {
    match slot.state.answer(&slot.options) {
        Flow::More => ROOM,
        Flow::Wait => 0,
    }
}

/// The sink has answered; a fault of 0 is ok.
#[unsafe(no_mangle)]
pub extern "C" fn written(stream: u32, fault: u32, again: u32, head: f64) -> u32 {
    let again = again != 0;
    let taken = taken(at(stream), again);
    let result = pack::to_result(fault);
    put(stream, head, Input::Written { result, again }) | taken
}

fn taken(slot: &Slot, again: bool) -> u32 {
    if slot.state.takes_answer(&slot.options, again) {
        TAKEN
    } else {
        0
    }
}

/// The sink has answered ok. As `written`, and shorter for what comes most often.
#[unsafe(no_mangle)]
pub extern "C" fn written_ok(stream: u32, head: f64) -> u32 {
    let slot = at(stream);
    let flags = taken(slot, false) | uncounted(slot);
    let ok = Input::Written {
        result: Ok(()),
        again: false,
    };
    if flags & TAKEN == 0 {
        return put(stream, head, ok);
    }
    let step = step(&mut slot.state, &slot.options, measure(head), ok);
    match (step.effect, step.then) {
        (None, None) => flags,
        _ => report(step) | flags,
    }
}

/// After a report with `SELF`: the stream is as it was before that step. Returns what the
/// stream has destroyed itself with.
#[unsafe(no_mangle)]
pub extern "C" fn undo(stream: u32) -> u32 {
    own::undo(at(stream))
}

/// After an answer that gave the head of the queue to the sink: that call has returned.
#[unsafe(no_mangle)]
pub extern "C" fn flushed(stream: u32, callback: u32, head: f64) -> u32 {
    let next = Next::AfterWrite {
        callback: callback != 0,
    };
    put(stream, head, Input::Resume(Then::Flushing(next)))
}

/// `end`, with the fault of its chunk if that was refused.
#[unsafe(no_mangle)]
pub extern "C" fn end(stream: u32, refused: u32, callback: u32, head: f64) -> u32 {
    let end = End {
        refused: pack::to_fault(refused),
        callback: callback != 0,
    };
    put(stream, head, Input::End(end))
}

/// A deferred task runs.
#[unsafe(no_mangle)]
pub extern "C" fn run(stream: u32, kind: u32, number: u32, head: f64) -> u32 {
    put(stream, head, Input::Run(pack::to_task((kind, number))))
}

/// A deferred after-write runs.
#[unsafe(no_mangle)]
pub extern "C" fn run_after_write(stream: u32, count: u32, callback: u32, head: f64) -> u32 {
    let callback = callback != 0;
    put(
        stream,
        head,
        Input::Run(Task::AfterWrite { count, callback }),
    )
}

/// An effect has been performed: goes on.
#[unsafe(no_mangle)]
pub extern "C" fn resume(stream: u32, kind: u32, number: u32, head: f64) -> u32 {
    put(stream, head, Input::Resume(pack::to_then((kind, number))))
}

/// A callback of an after-write has returned, and so many are left.
#[unsafe(no_mangle)]
pub extern "C" fn called(stream: u32, left: u32, head: f64) -> u32 {
    let callback = true;
    put(
        stream,
        head,
        Input::Resume(Then::Callbacks { left, callback }),
    )
}

/// More than this is never asked of a lease; it fits what JavaScript calls a small integer.
const MOST: u32 = (1 << 30) - 1;

fn count(lease: Lease) -> u32 {
    lease.count.min(MOST)
}

/// The lease to queue: how many bytes (or objects); negative if there is none. Its answer is
/// that of the write before it.
fn lease_to_queue(slot: &Slot) -> i32 {
    let lease = slot.state.lease_to_queue(&slot.options);
    // No queue of JavaScript has so many chunks, so only the bytes are left to be counted.
    if lease.count < MOST {
        return -1;
    }
    lease.len.min(MOST.into()) as i32
}

/// The lease to call: how many callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn lease_to_call(stream: u32) -> u32 {
    let slot = at(stream);
    count(slot.state.lease_to_call(&slot.options))
}

/// The lease to flush: how many bytes (or objects); negative if there is none. The host has a
/// queue for as long as there is something to flush, so only the bytes are left to be counted.
#[unsafe(no_mangle)]
pub extern "C" fn lease_to_flush(stream: u32) -> i32 {
    let slot = at(stream);
    let lease = slot.state.lease_to_flush(&slot.options);
    if lease.count == 0 {
        return -1;
    }
    lease.len.min(MOST.into()) as i32
}

/// So many writes were queued on a lease, in sum so many bytes.
#[unsafe(no_mangle)]
pub extern "C" fn settle_queued(stream: u32, chunks: u32, len: u32, callback: u32) {
    settle(
        stream,
        Leased::Queued {
            chunks,
            len: len.into(),
            callback: callback != 0,
        },
    );
}

/// So many writes with callbacks were answered at once on a lease.
#[unsafe(no_mangle)]
pub extern "C" fn settle_written(stream: u32, callbacks: u32, deferred: u32) {
    settle(
        stream,
        Leased::Written {
            callbacks,
            deferred: deferred != 0,
        },
    );
}

/// So many callbacks were called on a lease.
#[unsafe(no_mangle)]
pub extern "C" fn settle_called(stream: u32, callbacks: u32) {
    settle(stream, Leased::Called { callbacks });
}

/// So many answers have brought the next chunk on a lease, of writes with so many bytes in sum.
/// The head is the chunk that the sink has now.
#[unsafe(no_mangle)]
pub extern "C" fn settle_flushed(stream: u32, answers: u32, len: u32, head: f64) {
    let len = len.into();
    settle_with(stream, head, Leased::Flushed { answers, len });
}

fn settle(stream: u32, leased: Leased) {
    settle_with(stream, -1.0, leased);
}

/// A settlement has no effect.
fn settle_with(stream: u32, head: f64, leased: Leased) {
    let slot = at(stream);
    let _ = any(&mut slot.state, &slot.options, head, Input::Settle(leased));
}

/// Why a chunk of this length would be refused now; 0 if it would not.
#[unsafe(no_mangle)]
pub extern "C" fn refusal(stream: u32, len: f64) -> u32 {
    let slot = at(stream);
    let chunk = Measure {
        len: len as u64,
        callback: false,
    };
    pack::maybe(slot.state.refusal(&slot.options, chunk))
}

/// Bits: 0 writable, 1 ended, 2 finished, 3 needs drain, 4 destroyed, 5 closed, 6 aborted,
/// 7 writing, 8 owes a drain.
#[unsafe(no_mangle)]
pub extern "C" fn flags(stream: u32) -> u32 {
    let state = &at(stream).state;
    [
        state.is_writable(),
        state.is_ended(),
        state.is_finished(),
        state.needs_drain(),
        state.is_destroyed(),
        state.is_closed(),
        state.is_aborted(),
        state.is_writing(),
        state.owes_drain(),
    ]
    .iter()
    .rev()
    .fold(0, |bits, on| bits << 1 | u32::from(*on))
}

/// The length, in bytes (or objects).
#[unsafe(no_mangle)]
pub extern "C" fn length(stream: u32) -> f64 {
    at(stream).state.length() as f64
}

/// How many corks are on.
#[unsafe(no_mangle)]
pub extern "C" fn corked(stream: u32) -> u32 {
    at(stream).state.corked()
}

/// How many writes are not accounted for.
#[unsafe(no_mangle)]
pub extern "C" fn pending(stream: u32) -> u32 {
    at(stream).state.pending()
}

/// The first error, or 0.
#[unsafe(no_mangle)]
pub extern "C" fn errored(stream: u32) -> u32 {
    pack::maybe(at(stream).state.errored())
}

/// The phase: 0 opening, 1 writable, 2 corked, 3 ending, 4 finished, 5 errored, 6 destroyed,
/// 7 closed.
#[unsafe(no_mangle)]
pub extern "C" fn phase(stream: u32) -> u32 {
    at(stream).state.phase() as u32
}
