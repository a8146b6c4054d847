//! The state of a stream, and what can be read from it.

use super::effect::Flow;
use super::fault::Fault;
use super::input::Measure;
use super::level::Level;
use super::lifecycle::{Ending, Opening, Sink, Teardown};
use super::options::Options;
use super::quirks::Quirks;

/// Everything the machine knows of a stream: counts and flags, no chunks, no
/// callbacks, no errors.
///
/// ```
/// use highwater::machine::{Options, Phase, State};
///
/// let options = Options::new();
/// let state = State::new(&options);
/// assert_eq!(state.phase(), Phase::Writable);
/// assert_eq!(state.length(), 0);
/// assert!(size_of::<State>() <= 64);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// Invariant LengthAccounts: see [`Level`].
    pub(super) level: Level,
    /// How many chunks the driver has in its queue.
    pub(super) queued: u32,
    /// How many writes have not been accounted for (Node's `pendingcb`): each
    /// accepted write until its after-write, `_final` until its answer, a
    /// deferred finish until it runs.
    ///
    /// Invariant FinishFlushed: 'finish' only at 0.
    pub(super) pending: u32,
    /// How many `cork()` are without their `uncork()`.
    ///
    /// Invariant CorkHolds: no sink write starts above 0.
    pub(super) corked: u32,
    /// Invariant ErrorOnce: once set, never changed (first error wins).
    pub(super) errored: Option<Fault>,
    /// 'error' has been emitted. Invariant ErrorOnce: only when this is unset.
    pub(super) error_told: bool,
    /// Invariant NothingSentAfterFailure: no sink write starts before `Done`.
    pub(super) opening: Opening,
    /// Invariant OneAtATime: a sink call starts only from `Idle`.
    pub(super) sink: Sink,
    /// Invariant NoWriteAfterEnd: nothing is accepted unless `Open`.
    pub(super) ending: Ending,
    /// Invariant CloseLast: the step into `Told` emits 'close'.
    pub(super) teardown: Teardown,
    /// Whether a chunk queued since the queue was last found empty has a
    /// callback (rule 10).
    pub(super) queue_callback: bool,
    /// No `end()` was accepted, no `destroy()` and no error has come. Invariant: on if and
    /// only if `ending` is `Open`, `teardown` is `None` and `errored` is not set. Where most
    /// streams are open, this is asked before the reasons.
    pub(super) writable: bool,
    /// A sink call, or `_final`, is on the call stack (Node's `sync`).
    pub(super) sync: bool,
    /// A flush is on the call stack (Node's `bufferProcessing`).
    pub(super) flushing: bool,
    /// A write has returned *wait* since the last 'drain' (Node's `needDrain`).
    ///
    /// Invariant DrainEarned: 'drain' only when set, which it clears.
    pub(super) need_drain: bool,
    /// An [`AfterWrite`](super::Task::AfterWrite) was deferred since one ran (rule 10).
    pub(super) after_write_waits: bool,
    /// Callbacks of `end()` are kept. Invariant CallbackOnce: cleared when they are called.
    pub(super) ends_kept: bool,
}

/// More chunks than this are not counted: a further one is refused as too long.
/// Two numbers are left for `_final` and the deferred finish.
pub(super) const MAX_CHUNKS: u32 = u32::MAX - 2;

/// The phase of a stream, for people. The state does not store it. If several hold, it is the first
/// in this order: errored, closed, destroyed, finished, ending, corked, opening, writable.
///
/// ```
/// use highwater::machine::{Input, Options, Phase, State, step};
///
/// let options = Options::new();
/// let mut state = State::new(&options);
/// let _ = step(&mut state, &options, None, Input::Cork);
/// assert_eq!(state.phase(), Phase::Corked);
/// assert_eq!(state.phase().to_string(), "corked");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // the states of the contract
pub enum Phase {
    /// `_construct` has not answered yet; writes are queued.
    Opening,
    /// Writes go to the sink.
    Writable,
    /// Writes are held.
    Corked,
    /// No more writes; what is there is still written.
    Ending,
    /// All is written.
    Finished,
    /// The stream failed.
    Errored,
    /// Destroyed; `_destroy` has not answered.
    Destroyed,
    /// Destroyed, and the sink is released.
    Closed,
}

impl core::fmt::Display for Phase {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Opening => "opening",
            Self::Writable => "writable",
            Self::Corked => "corked",
            Self::Ending => "ending",
            Self::Finished => "finished",
            Self::Errored => "errored",
            Self::Destroyed => "destroyed",
            Self::Closed => "closed",
        })
    }
}

impl State {
    /// Makes the state of a stream with nothing in it. Put in [`Input::Start`](super::Input::Start) first.
    #[must_use]
    pub const fn new(options: &Options) -> Self {
        Self {
            level: Level::EMPTY,
            queued: 0,
            pending: 0,
            corked: 0,
            errored: None,
            error_told: false,
            opening: if options.construct {
                Opening::NotCalled
            } else {
                Opening::Done
            },
            sink: Sink::Idle,
            ending: Ending::Open,
            teardown: Teardown::None,
            queue_callback: false,
            writable: true,
            sync: false,
            flushing: false,
            need_drain: false,
            after_write_waits: false,
            ends_kept: false,
        }
    }

    /// `writableLength`: bytes (or objects) accepted and neither written nor rejected.
    #[must_use]
    #[inline]
    pub const fn length(&self) -> u64 {
        self.level.total()
    }

    /// How much of the length the sink is working on, in bytes (or objects).
    #[must_use]
    pub const fn in_flight(&self) -> u64 {
        self.level.in_flight()
    }

    /// How many chunks are queued.
    #[must_use]
    pub const fn queued(&self) -> u32 {
        self.queued
    }

    /// `writableCorked`: how many `cork()` are without their `uncork()`.
    #[must_use]
    pub const fn corked(&self) -> u32 {
        self.corked
    }

    /// Writes not yet accounted for, `_final` and a deferred finish (Node's `pendingcb`).
    #[must_use]
    pub const fn pending(&self) -> u32 {
        self.pending
    }

    /// `errored`: the first error, which never changes.
    #[must_use]
    pub const fn errored(&self) -> Option<Fault> {
        self.errored
    }

    /// `writable`: no `end()` was accepted, no `destroy()` and no error has come (rule 22).
    /// Then a write is accepted unless it is too long.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        self.writable
    }

    /// `writableEnded`: `end()` was accepted.
    #[must_use]
    #[inline]
    pub fn is_ended(&self) -> bool {
        self.ending != Ending::Open
    }

    /// `writableFinished`: all is written, every callback answered.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.ending >= Ending::Finished
    }

    /// `writableNeedDrain`: a write has returned *wait*, and no 'drain' has come since
    /// (rule 22). 'drain' will come unless the stream ends or fails first. As in Node, this
    /// stays true of a stream that has failed without being destroyed (`autoDestroy` off),
    /// where no 'drain' will come: see [`State::errored`].
    #[must_use]
    pub fn needs_drain(&self) -> bool {
        self.owes_drain() && self.ending == Ending::Open && !self.is_destroyed()
    }

    /// Whether a write has returned *wait*, and no 'drain' has come since: also of a stream that
    /// has ended or was destroyed, where none will come (Node's `_writableState.needDrain`).
    ///
    /// ```
    /// use highwater::machine::{Input, Measure, Options, State, step};
    ///
    /// let options = Options::new().with_high_water_mark(4);
    /// let mut state = State::new(&options);
    /// let chunk = Measure { len: 4, callback: false };
    /// let written = step(&mut state, &options, None, Input::Write(chunk));
    /// // The sink has returned without an answer.
    /// let then = written.then.expect("the caller gets its answer");
    /// let _ = step(&mut state, &options, None, Input::Resume(then));
    /// assert!(state.owes_drain() && state.needs_drain());
    /// let _ = step(&mut state, &options, None, Input::Destroy(None));
    /// assert!(state.owes_drain() && !state.needs_drain());
    /// ```
    #[must_use]
    pub const fn owes_drain(&self) -> bool {
        self.need_drain
    }

    /// `destroyed`: `destroy()` has been called, or a failure or finish has done so.
    #[must_use]
    #[inline]
    pub fn is_destroyed(&self) -> bool {
        self.teardown != Teardown::None
    }

    /// `closed`: `_destroy` has answered.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.teardown, Teardown::Closed | Teardown::Told)
    }

    /// `writableAborted`: stopped before 'finish' (rule 22).
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.has_failed() && !self.is_finished()
    }

    /// Whether the sink has a write or a batch that it has not answered.
    #[must_use]
    #[inline]
    pub const fn is_writing(&self) -> bool {
        matches!(self.sink, Sink::Writing { .. })
    }

    /// Whether an answer of the sink would count for the write in flight (rule 6). `again` says
    /// that the sink has answered that call before. A driver that keeps callbacks reads it before
    /// it puts the answer in: if it is true, the callbacks of the write are due.
    #[must_use]
    #[inline]
    pub fn takes_answer(&self, options: &Options, again: bool) -> bool {
        self.is_writing() && (!again || options.has(Quirks::TAKES_ANY_ANSWER))
    }

    /// Whether an after-write that waits is counted (rule 10). A driver that joins after-writes
    /// reads it before a step. If it was off, and the driver joins what that step defers, the
    /// driver puts in [`Input::Joined`](super::Input::Joined).
    #[must_use]
    #[inline]
    pub const fn counts_after_write(&self) -> bool {
        self.after_write_waits
    }

    /// The answer of `write()`. A driver reads it after the call has done all it does (rule 4).
    #[inline]
    pub fn answer(&self, options: &Options) -> Flow {
        if self.has_room(options) && !self.has_failed() {
            Flow::More
        } else {
            Flow::Wait
        }
    }

    /// Whether the length is below the high-water mark, or 0 (rule 4).
    #[must_use]
    #[inline]
    pub const fn has_room(&self, options: &Options) -> bool {
        self.level.has_room(options.high_water_mark())
    }

    /// Why a write of this measure would be refused now, if it would (rule 1).
    /// A driver reads it before it puts in the chunk of `end(chunk)`.
    #[must_use]
    #[inline]
    pub fn refusal(&self, options: &Options, chunk: Measure) -> Option<Fault> {
        let reason = self.refuses(options);
        reason.or_else(|| (!self.fits(options, chunk)).then_some(Fault::TooLong))
    }

    /// Why every write would be refused now, if it would (rule 1).
    #[inline]
    pub(super) fn refuses(&self, options: &Options) -> Option<Fault> {
        if self.writable {
            None
        } else if self.ending != Ending::Open {
            Some(Fault::WriteAfterEnd)
        } else if self.is_destroyed() {
            Some(Fault::Destroyed)
        } else if self.stops(options) {
            self.errored
        } else {
            None
        }
    }

    #[inline]
    fn fits(&self, options: &Options, chunk: Measure) -> bool {
        self.level.fits(options.measure(chunk.len), options.limit())
            && self.pending < MAX_CHUNKS
            && self.queued < MAX_CHUNKS
    }

    /// Rule 3: the next write goes to the sink, and not to the queue.
    #[inline]
    pub(super) fn goes_straight(&self, options: &Options) -> bool {
        let first_in_line = self.queued == 0 && !self.flushing || options.has(Quirks::REORDERS);
        self.sink == Sink::Idle
            && first_in_line
            && self.corked == 0
            && self.opening == Opening::Done
            && self.errored.is_none()
    }

    /// Rule 9: a drain is owed, and the length has fallen far enough.
    #[inline]
    pub(super) const fn drain_wanted(&self, options: &Options) -> bool {
        self.need_drain && self.length() <= options.low_water_mark()
    }

    /// The phase, for people.
    #[must_use]
    pub fn phase(&self) -> Phase {
        if self.errored.is_some() {
            Phase::Errored
        } else if self.is_closed() {
            Phase::Closed
        } else if self.is_destroyed() {
            Phase::Destroyed
        } else if self.is_finished() {
            Phase::Finished
        } else if self.is_ended() {
            Phase::Ending
        } else if self.corked > 0 {
            Phase::Corked
        } else if self.opening != Opening::Done {
            Phase::Opening
        } else {
            Phase::Writable
        }
    }

    /// The first error wins.
    #[inline]
    pub(super) fn set_errored(&mut self, error: Option<Fault>) {
        self.errored = self.errored.or(error);
        self.writable &= self.errored.is_none();
    }

    /// Destroyed or errored.
    #[inline]
    pub(super) fn has_failed(&self) -> bool {
        !self.writable && (self.is_destroyed() || self.errored.is_some())
    }

    /// Destroyed or errored: nothing is accepted or sent any more.
    #[inline]
    pub(super) fn stops(&self, options: &Options) -> bool {
        let errored = self.errored.is_some() && !options.has(Quirks::SENDS_AFTER_ERROR);
        !self.writable && (self.is_destroyed() || errored)
    }
}

#[cfg(test)]
mod tests {
    use super::State;
    use crate::machine::{Fault, Input, Measure, Options, step};

    #[test]
    fn the_state_is_small() {
        assert!(size_of::<State>() <= 64, "{}", size_of::<State>());
    }

    #[test]
    fn the_counts_are_those_of_the_chunks() {
        let options = Options::new();
        let mut state = State::new(&options);
        for len in [2, 3, 4] {
            let callback = false;
            let chunk = Measure { len, callback };
            let _ = step(&mut state, &options, None, Input::Write(chunk));
        }
        assert_eq!((state.length(), state.in_flight()), (9, 2));
        assert_eq!((state.queued(), state.pending()), (2, 3));
    }

    #[test]
    fn more_chunks_than_can_be_counted_are_refused() {
        let options = Options::new();
        let refusal = |pending, queued| {
            let state = State {
                pending,
                queued,
                ..State::new(&options)
            };
            state.refusal(&options, Measure::default())
        };
        let most = u32::MAX - 2;
        assert_eq!(refusal(most - 1, most - 1), None);
        assert_eq!(refusal(most, 0), Some(Fault::TooLong));
        assert_eq!(refusal(0, most), Some(Fault::TooLong));
    }
}
