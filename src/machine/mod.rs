//! The writable stream as a pure transition function.
//!
//! One [`Input`] in, at most one [`Effect`] out: [`step`] changes the [`State`]
//! and says what the driver does and what comes after it. The state holds counts
//! and flags only; chunks, callbacks and errors stay with the driver. It allocates nothing,
//! needs no `std`, and no input in any state panics.
//!
//! # The driving loop
//!
//! [`Driver`](crate::Driver) (feature `alloc`) is this loop with a queue of
//! chunks, callbacks and ticks. On a system without an allocator you write it yourself:
//!
//! 1. Put in an input: a call of the producer, an answer of the sink or a hook, progress
//!    of the sink.
//! 2. If there is an effect, perform it. It may call user code (the sink, a
//!    callback, a listener), and that may put in further inputs: nested, with a
//!    loop of their own.
//! 3. If there is a [`Then`], put it back in with [`Input::Resume`], and go to 2.
//! 4. Once nothing is on the call stack any more, put in the deferred
//!    [`Task`]s, first in, first out, with [`Input::Run`].
//!
//! ```
//! use highwater::machine::{Effect, Input, Measure, Options, State, Task, step};
//! use std::collections::VecDeque;
//!
//! /// A sink that takes every chunk at once.
//! struct Loop {
//!     options: Options,
//!     state: State,
//!     queue: VecDeque<&'static str>,
//!     ticks: VecDeque<Task>,
//!     taken: String,
//! }
//!
//! impl Loop {
//!     fn put(&mut self, mut input: Input, chunk: Option<&'static str>) {
//!         loop {
//!             let head = self.queue.front().map(|text| measure(text));
//!             let step = step(&mut self.state, &self.options, head, input);
//!             match step.effect {
//!                 Some(Effect::Queue) => self.queue.extend(chunk),
//!                 Some(Effect::WriteGiven) => self.write(chunk),
//!                 Some(Effect::WriteHead) => {
//!                     let head = self.queue.pop_front();
//!                     self.write(head);
//!                 }
//!                 Some(Effect::Defer(task)) => self.ticks.push_back(task),
//!                 _ => {} // this stream has no hooks, callbacks or listeners
//!             }
//!             match step.then {
//!                 Some(then) => input = Input::Resume(then),
//!                 None => return,
//!             }
//!         }
//!     }
//!     fn write(&mut self, chunk: Option<&'static str>) {
//!         self.taken.extend(chunk);
//!         self.put(Input::Written { result: Ok(()), again: false }, None); // nested
//!     }
//!     fn run_ticks(&mut self) {
//!         while let Some(task) = self.ticks.pop_front() {
//!             self.put(Input::Run(task), None);
//!         }
//!     }
//! }
//!
//! fn measure(chunk: &str) -> Measure {
//!     Measure { len: chunk.len() as u64, callback: false }
//! }
//!
//! let options = Options::new();
//! let state = State::new(&options);
//! let mut stream = Loop {
//!     options, state, queue: VecDeque::new(), ticks: VecDeque::new(), taken: String::new(),
//! };
//! stream.put(Input::Start, None);
//! stream.put(Input::Cork, None);
//! for chunk in ["a", "b", "c"] {
//!     stream.put(Input::Write(measure(chunk)), Some(chunk));
//! }
//! assert_eq!((stream.taken.as_str(), stream.state.length()), ("", 3));
//! stream.put(Input::Uncork, None);
//! stream.put(Input::End(Default::default()), None);
//! stream.run_ticks();
//! assert_eq!(stream.taken, "abc");
//! assert!(stream.state.is_finished());
//! ```
//!
//! # The rules
//!
//! *Refused*: not accepted. A *tick*: a task that the driver runs once nothing is on the call
//! stack any more, as those of Node's `process.nextTick`. *Deferred*: put off to a tick.
//! A drain is *owed*: 'drain' is to come. `errored` is set once: the first error stays.
//!
//! 1. **A write is refused** after end (`WRITE_AFTER_END`), after destroy
//!    (`DESTROYED`), on an errored stream (its error). Nothing is counted; its
//!    callback is deferred with the fault; the stream fails (2), unless
//!    [`Options::with_refusals_fail`] is off. A chunk that would pass the limit is
//!    also refused (`TOO_LONG`), but then the stream does not fail; if the stream is not
//!    empty, a drain is owed.
//! 2. **Failure.** Nothing if destroyed. With autoDestroy: destroy (18) with
//!    the error. Else `errored` is set, what is queued or kept is rejected (17)
//!    in a tick, and the stream emits 'error', now or in a tick.
//! 3. **A write is accepted**: pending + 1, length + its length. It goes straight
//!    to the sink if that is idle, nothing is queued, no flush is running, the
//!    stream is not corked and is constructed. Else it is queued. A chunk of no
//!    bytes is a chunk like any other.
//! 4. **The answer of write**, read after all this: there is room if the length
//!    is below the high-water mark or 0, and the stream is neither destroyed
//!    nor errored. If there is no room, a drain is owed.
//! 5. A sink call is *synchronous* as long as it is on the call stack.
//! 6. **An answer of the sink** when nothing is being written, or a second one of
//!    the same call: the stream fails with `MULTIPLE_CALLBACK`.
//! 7. **Answered ok**: the length falls by what was written. If that was
//!    asynchronous, the queue is flushed (11) *first*, then follows rule 9; if
//!    it was synchronous, rule 10, then the flush.
//! 8. **Answered with an error**: the length falls by what was in flight, `errored` is
//!    set at once, and there is no flush.
//!    Then, in a tick if synchronous: pending − 1, the callback with the error,
//!    the rest is rejected (17), the stream fails (2). So callbacks come before
//!    'error'.
//! 9. **After a write**: if a drain is owed and the length is at or below the
//!    low-water mark, and the stream has not ended or stopped: 'drain', *before*
//!    the callbacks. Then each callback, pending − 1. Then a stopped stream
//!    rejects (17), an ending one sees whether it is done (14).
//! 10. **After a synchronous answer** what follows is deferred if there is a
//!     callback to call, or a drain to emit that no deferred after-write will
//!     emit; else pending − 1 now, and an ending stream sees whether it is done.
//!     A batch has a callback if a chunk queued since the queue was last empty
//!     has one.
//! 11. **Flush**: if something is queued, the sink idle, the stream not corked,
//!     constructed, not stopped, and no flush is running. Several chunks go in
//!     one call if the sink takes batches: those queued at that moment. Else,
//!     and for what is queued during a batch, one by one while nothing stays in
//!     flight and nothing of the above comes in between.
//! 12. **cork** nests. **uncork** takes one back; the last one flushes. cork
//!     after end holds the queue, and so holds finish.
//! 13. **end**, in this order: write the chunk, if there is one; uncork fully,
//!     in any case; if the chunk was refused, the end has that fault; else if
//!     neither ended nor errored: it is ended, and sees whether it is done (14);
//!     else if finished `ALREADY_FINISHED`; else if destroyed `DESTROYED`. Its
//!     callback is deferred with the fault, or the error, or `DESTROYED`; if
//!     there is none of these it is kept until finish or rejection.
//! 14. **Finish is due** when ended, constructed, not stopped, and nothing is
//!     queued or being written. The first time: `_final` is called, or without
//!     it the stream emits 'prefinish'. Once that is through and nothing is pending, finish
//!     comes in a tick, if it still is due.
//! 15. **`_final` answers**. An error: the callbacks of end, then the stream
//!     fails. Ok, and finish is due: 'prefinish', and finish in a tick. A second
//!     answer fails the stream.
//! 16. **Finish**: the callbacks of end, in order; 'finish'; with autoDestroy, destroy.
//! 17. **Rejection**: not while something is being written. The write that
//!     destroy took back, then what is queued, then the callbacks of end: each
//!     gets the stream's error, or `DESTROYED`.
//! 18. **destroy**: once. What is in flight is taken back from the sink: its
//!     answer will do nothing. It, the queue and the callbacks of end are
//!     rejected in a tick. `_destroy` is called now, or once `_construct` has
//!     answered.
//! 19. **`_destroy` answers**: once. In a tick: 'error', if it gave one and none
//!     was emitted before; then 'close'.
//! 20. **`_construct`** is called a tick after creation; its answer is taken a
//!     tick later: 'open', then what was held goes on; or the stream fails; or,
//!     if it was destroyed meanwhile, `_destroy` is called.
//! 21. A throw of a hook is its answer, with that error.
//! 22. **Properties** are those of Node, see the methods of [`State`].
//! 23. **No panic**: every rule states its own conditions. What comes in a wrong
//!     order, twice or never finds them unmet, and does nothing.
//! 24. **Progress** of the sink, which Node has not: nothing if nothing is being written.
//!     The length, and what is in flight, fall by what the sink reports, at most by what is in
//!     flight.
//!     Then, unless the sink's call is still on the stack, the stream emits an owed 'drain'
//!     as in rule 9. (If that call is on the stack, the drain waits for the next report or for
//!     the answer.) All else stays with the answer, which takes what is left.
//! 25. **A lease** says what a driver may do without the machine: queue writes, cork, let the
//!     sink answer writes within its call, call callbacks of after-writes, give the sink the
//!     next chunk when it answers. The driver settles before anything else; then the state is the one that the single steps lead
//!     to. A settlement that its lease does not cover does nothing. See [`Lease`].
//!
//! # What follows from them
//!
//! These names are used everywhere, in tests and documentation:
//!
//! | name | statement |
//! | --- | --- |
//! | NoWriteAfterEnd | nothing is accepted after end, destroy or error |
//! | DrainEarned | 'drain' only after a write has returned *wait* since the last one, at or below the low-water mark, never after end, destroy or error |
//! | LengthAccounts | the length is what is in flight and queued |
//! | OrderKept | chunks reach the sink in the order of acceptance, none twice, none skipped |
//! | OneAtATime | no sink call starts while one is unanswered |
//! | CorkHolds | no sink write starts while corked |
//! | NothingSentAfterFailure | no sink write starts after error or destroy, or before construction succeeded |
//! | CallbackOnce | every callback is called once; with ok only if that very chunk was written (or the stream finished) |
//! | CallbackLater | no callback is called before its own call has returned |
//! | FinishFlushed | the stream becomes finished only after end, with everything written and every write's callback called, and never after destroy or error; a finished stream emits 'finish' once |
//! | ErrorOnce | at most one 'error', and `errored` never changes |
//! | CloseLast | at most one 'close'; after it no event, no sink call, and no callback but of what was refused |
//! | AnswerTruthful | a write returns *wait* if and only if the length is at the mark or above, and not 0, or the stream has stopped |
//! | WaitIsAnswered | after a write that returned *wait* comes 'drain', unless end, error or destroy comes first |
//! | EndResolves | end leads to 'finish', unless error or destroy comes first |
//! | DestroyCloses | destroy leads to 'close' |
//!
//! The last three hold if the sink and the hooks answer and corks are released.
//!
//! Good to know: `end()` cancels an owed drain. `destroy()` without an error after
//! `end()` gives 'close' without 'finish' and without 'error'; within a callback of
//! `end()` it does not take back 'finish', for the stream is finished by then (rule 16).
//! A callback of a
//! synchronous answer waits for a tick, so one of a later, asynchronous answer
//! can overtake it. With chunks of no bytes, 'drain' can come while one of them
//! is still queued: length 0 is the condition.
//!
//! # Layout
//!
//! What there is: `state.rs` what the machine knows · `lifecycle.rs` the parts of it
//! that move · `level.rs` the arithmetic of lengths · `options.rs` what a stream is
//! created with · `input.rs` what can happen · `effect.rs` what the driver does ·
//! `continuation.rs` what it gives back · `fault.rs`, `codes.rs` errors · `quirks.rs`
//! where Node differs.
//!
//! What happens: `step.rs` which rule an input goes to · `calls.rs` the producer calls ·
//! `sink.rs` the sink answers or reports progress, the queue is flushed · `finish.rs` the way to 'finish' ·
//! `teardown.rs` construction, failure, destruction · `lease.rs` what a driver may do
//! without any of it.

mod calls;
pub mod codes;
mod continuation;
mod effect;
mod fault;
mod finish;
mod input;
mod lease;
mod level;
mod lifecycle;
mod options;
mod quirks;
mod sink;
mod state;
mod step;
mod teardown;

pub use continuation::{End, Next, Task, Then};
pub use effect::{Effect, Event, Flow, Step};
pub use fault::{ErrorId, Fault};
pub use input::{Input, Leased, Measure};
pub use lease::Lease;
pub use options::Options;
pub use quirks::Quirks;
pub use state::{Phase, State};
pub use step::step;
