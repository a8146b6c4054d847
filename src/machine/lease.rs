//! Leases: what a driver may do without the machine, until it settles (rule 25).
//!
//! A driver that calls [`step`](super::step) for each write pays for rules that, most of
//! the time, decide nothing. A lease says in advance what they would decide. The driver
//! does that much by itself, counts, and puts in one [`Input::Settle`](super::Input::Settle)
//! before it puts in or looks at anything else.
//!
//! | lease | what may be done | what the machine would have answered |
//! | --- | --- | --- |
//! | [`State::lease_to_queue`] | writes are appended to the queue | `Effect::Queue`; [`Lease::answer`] |
//! | [`State::lease_to_cork`] | the stream is corked, and uncorked again | no effect |
//! | [`State::lease_to_write`] | writes are given to a sink that answers each within its call, with ok | `Effect::WriteGiven`, and `Effect::Defer` of the after-write if there is a callback; `Flow::More` |
//! | [`State::lease_to_call`] | deferred after-writes call their callbacks, with ok | `Effect::Callback` |
//! | [`State::lease_to_flush`] | the sink, which takes one chunk at a time, answers with ok and gets the next chunk | `Effect::WriteHead`, and then `Effect::Callback` if the write that was answered has one |
//!
//! **The law of leases**: after the settlement the state is the one, bit for bit, that the
//! single steps lead to; and each single step would have had the effects and answers that
//! the lease says. So a driver with leases and one without do the same.
//!
//! *Anything else* is every other input, and every look at the [`State`]: a property that
//! the sink or a callback reads within its call is the state of that very moment.

use super::effect::{Flow, Step};
use super::input::Leased;
use super::lifecycle::{Opening, Sink};
use super::options::Options;
use super::quirks::Quirks;
use super::state::{MAX_CHUNKS, State};
use super::step::Run;

/// What a driver may do without the machine, until it settles: see
/// [`State::lease_to_queue`], [`State::lease_to_write`], [`State::lease_to_call`] and
/// [`State::lease_to_flush`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // every driver reads all of it
pub struct Lease {
    /// Up to how many writes, callbacks or answers. 0: nothing may be done without the machine.
    pub count: u32,
    /// Up to how many bytes (or objects) these writes have: see the lease. For callbacks 0.
    pub len: u64,
    /// What each of these writes returns. For callbacks and answers it means nothing.
    pub answer: Flow,
}

impl Lease {
    const NONE: Self = Self {
        count: 0,
        len: 0,
        answer: Flow::More,
    };
}

/// The laws are checked in every state of the explored graphs and in random walks
/// (`tests/graph.rs`), and on random scripts (`tests/lease/`).
impl State {
    /// The lease on writes that are queued: each of up to `count` writes, of at most `len`
    /// bytes (or objects) in sum, would be queued and answered `answer` (rules 3, 4).
    ///
    /// The driver appends the chunks to its queue and settles with
    /// [`Leased::Queued`](super::Leased::Queued). If none of them has a callback, and they are
    /// not objects, it may also join their bytes to one chunk and put that in as one
    /// [`Input::Write`](super::Input::Write): the state is the same, except the number of
    /// chunks.
    ///
    /// ```
    /// use highwater::machine::{Flow, Input, Leased, Measure, Options, State, step};
    ///
    /// let options = Options::new().with_high_water_mark(16).with_limit(20);
    /// let mut state = State::new(&options);
    /// assert_eq!(state.lease_to_queue(&options).count, 0); // the next write goes to the sink
    /// let _ = step(&mut state, &options, None, Input::Write(Measure { len: 4, callback: false }));
    ///
    /// let lease = state.lease_to_queue(&options);
    /// assert_eq!((lease.len, lease.answer), (11, Flow::More)); // 15 is below the mark
    /// let done = Leased::Queued { chunks: 2, len: 11, callback: false };
    /// let _ = step(&mut state, &options, None, Input::Settle(done));
    /// assert_eq!((state.length(), state.queued()), (15, 2));
    /// ```
    #[must_use]
    pub fn lease_to_queue(&self, options: &Options) -> Lease {
        if !self.is_writable() || self.goes_straight(options) {
            return Lease::NONE;
        }
        let (answer, most) = if self.has_room(options) {
            let below_mark = options.high_water_mark().saturating_sub(1);
            (Flow::More, below_mark.min(options.limit()))
        } else {
            (Flow::Wait, options.limit())
        };
        Lease {
            count: MAX_CHUNKS.saturating_sub(self.pending.max(self.queued)),
            len: most.saturating_sub(self.length()),
            answer,
        }
    }

    /// The lease on corks: whether a cork, with writes on [`State::lease_to_queue`] before and
    /// after it, and the uncork that takes it back leave nothing behind but these writes
    /// (rules 11, 12). Something else still holds what the uncork would let go: the sink, which is
    /// busy, the construction, or another cork.
    ///
    /// The driver may keep such a cork to itself. If it has to settle meanwhile, it puts in
    /// [`Input::Cork`](super::Input::Cork), before or after it settles the writes: the state
    /// is the same.
    ///
    /// ```
    /// use highwater::machine::{Input, Measure, Options, State, step};
    ///
    /// let options = Options::new();
    /// let mut state = State::new(&options);
    /// assert!(!state.lease_to_cork()); // an uncork would let go what was written
    /// let _ = step(&mut state, &options, None, Input::Write(Measure { len: 4, callback: false }));
    /// assert!(state.lease_to_cork()); // the sink is busy
    /// ```
    #[must_use]
    pub fn lease_to_cork(&self) -> bool {
        let held = self.sink != Sink::Idle || self.opening != Opening::Done || self.corked > 0;
        self.is_writable() && (held || self.flushing)
    }

    /// The lease on writes that the sink answers within its call, with ok: each of up to
    /// `count` such writes, of at most `len` bytes (or objects) each, leaves nothing behind
    /// except its deferred callback, and is answered `Flow::More` (rules 3, 4, 7, 10).
    ///
    /// The driver gives each chunk to the sink, defers (or joins) the after-write if there
    /// is a callback, and settles with [`Leased::Written`](super::Leased::Written).
    ///
    /// If the sink does anything else within its call, or returns without an answer, this
    /// write is none of the lease. At that moment the driver settles the writes before it,
    /// then puts this one in, without performing its `WriteGiven` again. If the sink has
    /// answered, [`Input::Written`](super::Input::Written) follows with its effects. Once
    /// the sink has returned, [`Then::Answer`](super::Then::Answer) follows, as without a lease.
    ///
    /// ```
    /// use highwater::machine::{Input, Leased, Options, State, step};
    ///
    /// let options = Options::new();
    /// let mut state = State::new(&options);
    /// assert_eq!(state.lease_to_write(&options).len, options.limit());
    /// // Three writes, of which two had callbacks: these wait for a tick.
    /// let done = Leased::Written { callbacks: 2, deferred: true };
    /// let _ = step(&mut state, &options, None, Input::Settle(done));
    /// assert_eq!((state.length(), state.pending()), (0, 2));
    /// ```
    #[must_use]
    pub fn lease_to_write(&self, options: &Options) -> Lease {
        let empty = self.length() == 0 && self.queued == 0;
        let alone = empty && !self.flushing && !self.sync;
        let always_deferred = options.object_mode && options.has(Quirks::OBJECT_MODE_TICK);
        let nothing_follows = !self.need_drain && !always_deferred;
        if !self.is_writable() || !self.goes_straight(options) || !alone || !nothing_follows {
            return Lease::NONE;
        }
        Lease {
            count: MAX_CHUNKS.saturating_sub(self.pending),
            len: options.limit(),
            answer: Flow::More,
        }
    }

    /// The lease on callbacks of deferred after-writes: each of up to `count` of them would
    /// be called with ok, one after the other, with nothing before, between or after them
    /// (rule 9). The callbacks of a batch count as one.
    ///
    /// The driver takes [`Task::AfterWrite`](super::Task::AfterWrite)s with callbacks from
    /// its FIFO, calls the callbacks, and settles with
    /// [`Leased::Called`](super::Leased::Called). If a callback does anything else, the
    /// driver settles at that moment those called so far, that one included; and once the
    /// callback has returned, it resumes with
    /// [`Then::Callbacks`](super::Then::Callbacks) what is `left` of that callback's task,
    /// even if that is 0.
    ///
    /// ```
    /// use highwater::machine::{Input, Leased, Options, State, step};
    ///
    /// let options = Options::new();
    /// let mut state = State::new(&options);
    /// let written = Leased::Written { callbacks: 2, deferred: true };
    /// let _ = step(&mut state, &options, None, Input::Settle(written));
    /// assert_eq!(state.lease_to_call(&options).count, 2);
    /// let called = Leased::Called { callbacks: 2 };
    /// let _ = step(&mut state, &options, None, Input::Settle(called));
    /// assert_eq!(state.pending(), 0);
    /// ```
    #[must_use]
    pub fn lease_to_call(&self, options: &Options) -> Lease {
        if !self.is_writable() || self.drain_wanted(options) {
            return Lease::NONE;
        }
        Lease {
            count: self.pending,
            len: 0,
            answer: self.answer(options),
        }
    }

    /// The lease on the answers of a sink that takes the queue one by one: each of up to
    /// `count` answers with ok, of writes that have at most `len` bytes (or objects) in sum,
    /// gives the head of the queue to the sink, and once that call has returned, calls the
    /// callback of the write that was answered (rules 7, 9, 11).
    ///
    /// The driver gives each chunk to the sink, calls the callback if there is one, and settles
    /// with [`Leased::Flushed`](super::Leased::Flushed). Writes on [`State::lease_to_queue`] are
    /// none of this lease.
    ///
    /// If the sink does anything else within its call, this answer is none of the lease. At
    /// that moment the driver settles the answers before it, then puts this one in as
    /// [`Input::Written`](super::Input::Written), without performing its `WriteHead` again; and
    /// once the sink has returned, it resumes with [`Then::Flushing`](super::Then::Flushing). If
    /// a callback does anything else, the driver settles at that moment, with the answer of
    /// that callback; and once it has returned, the driver resumes with
    /// [`Then::Callbacks`](super::Then::Callbacks) of which none is left.
    ///
    /// ```
    /// use highwater::machine::{Input, Leased, Measure, Options, State, step};
    ///
    /// let options = Options::new().with_high_water_mark(9);
    /// let mut state = State::new(&options);
    /// let chunk = |len| Measure { len, callback: false };
    /// let then = step(&mut state, &options, None, Input::Write(chunk(4))).then;
    /// let _ = then.map(|then| step(&mut state, &options, None, Input::Resume(then)));
    /// for len in [3, 2, 1] {
    ///     let _ = step(&mut state, &options, None, Input::Write(chunk(len)));
    /// }
    ///
    /// // A drain is owed at length 0.
    /// let lease = state.lease_to_flush(&options);
    /// assert_eq!((lease.count, lease.len), (3, 9));
    /// // The sink has answered the writes of 4 and 3 bytes, and has the one of 2 bytes now.
    /// let done = Input::Settle(Leased::Flushed { answers: 2, len: 7 });
    /// let _ = step(&mut state, &options, Some(chunk(2)), done);
    /// assert_eq!((state.length(), state.in_flight(), state.queued()), (3, 2, 1));
    /// ```
    #[must_use]
    pub fn lease_to_flush(&self, options: &Options) -> Lease {
        let returned = self.is_writing() && !self.sync && !self.flushing;
        let flows = returned && self.corked == 0 && self.opening == Opening::Done;
        let in_one_call = options.batches && self.queued > 1;
        if !self.is_writable() || !flows || in_one_call || self.drain_wanted(options) {
            return Lease::NONE;
        }
        let kept = if self.need_drain {
            options.low_water_mark().saturating_add(1)
        } else {
            0
        };
        Lease {
            count: self.queued,
            len: self.length().saturating_sub(kept),
            answer: Flow::More,
        }
    }
}

impl Run<'_> {
    /// Rule 25: what was done on a lease counts now. What no lease covers does nothing.
    pub(super) fn settle(&mut self, leased: Leased) -> Step {
        match leased {
            Leased::Queued {
                chunks,
                len,
                callback,
            } => self.settle_queued(chunks, len, callback),
            Leased::Written {
                callbacks,
                deferred,
            } => self.settle_written(callbacks, deferred),
            Leased::Called { callbacks } => self.settle_called(callbacks),
            Leased::Flushed { answers, len } => self.settle_flushed(answers, len),
        }
        Step::done()
    }

    fn settle_queued(&mut self, chunks: u32, len: u64, callback: bool) {
        let lease = self.state.lease_to_queue(self.options);
        let objects = self.options.object_mode;
        let len = if objects { chunks.into() } else { len };
        if chunks == 0 || chunks > lease.count || len > lease.len {
            return;
        }
        self.state.pending = self.state.pending.saturating_add(chunks);
        self.state.queued = self.state.queued.saturating_add(chunks);
        self.state.level.add(len);
        self.state.queue_callback |= callback;
        self.owe_drain();
    }

    fn settle_written(&mut self, callbacks: u32, deferred: bool) {
        if callbacks == 0 || callbacks > self.state.lease_to_write(self.options).count {
            return;
        }
        self.state.pending = self.state.pending.saturating_add(callbacks);
        self.state.after_write_waits |= deferred;
    }

    fn settle_called(&mut self, callbacks: u32) {
        if callbacks == 0 || callbacks > self.state.lease_to_call(self.options).count {
            return;
        }
        self.state.pending = self.state.pending.saturating_sub(callbacks);
        self.state.after_write_waits = false;
    }

    /// The head is the chunk that the sink has now: the last one that has left the queue.
    fn settle_flushed(&mut self, answers: u32, len: u64) {
        let lease = self.state.lease_to_flush(self.options);
        if answers == 0 || answers > lease.count || len > lease.len {
            return;
        }
        let head = self.head.unwrap_or_default();
        let s = &mut *self.state;
        s.level.flush(len, self.options.measure(head.len));
        s.sink = Sink::Writing {
            callback: head.callback,
        };
        s.queued -= answers;
        s.queue_callback &= s.queued > 0;
        s.pending = s.pending.saturating_sub(answers);
        s.after_write_waits = false;
    }
}

#[cfg(test)]
mod tests {
    use super::Lease;
    use crate::machine::state::MAX_CHUNKS;
    use crate::machine::{Flow, Input, Leased, Measure, Options, State, Step, step};

    const OPTIONS: Options = Options::new().with_high_water_mark(9);

    /// A corked stream that has counted this many chunks.
    fn counted(pending: u32, queued: u32) -> State {
        let mut state = State::new(&OPTIONS);
        let _ = step(&mut state, &OPTIONS, None, Input::Cork);
        State {
            pending,
            queued,
            ..state
        }
    }

    #[test]
    fn no_lease_is_on_more_chunks_than_can_be_counted() {
        let queue = |pending, queued| counted(pending, queued).lease_to_queue(&OPTIONS).count;
        assert_eq!(queue(MAX_CHUNKS - 3, 0), 3);
        assert_eq!(queue(0, MAX_CHUNKS - 2), 2);
        assert_eq!(queue(MAX_CHUNKS + 1, 0), 0);
        let open = State {
            corked: 0,
            ..counted(MAX_CHUNKS - 3, 0)
        };
        assert_eq!(open.lease_to_write(&OPTIONS).count, 3);
        assert_eq!(open.lease_to_call(&OPTIONS).count, MAX_CHUNKS - 3);
    }

    #[test]
    fn a_lease_is_settled_to_its_last_chunk_and_no_further() {
        let settle = |chunks| {
            let mut state = counted(MAX_CHUNKS - 3, 1);
            let (len, callback) = (5, false);
            let leased = Leased::Queued {
                chunks,
                len,
                callback,
            };
            let _ = step(&mut state, &OPTIONS, None, Input::Settle(leased));
            (state.pending, state.queued, state.length())
        };
        assert_eq!(settle(3), (MAX_CHUNKS, 4, 5));
        assert_eq!(settle(4), (MAX_CHUNKS - 3, 1, 0));
    }

    #[test]
    fn callbacks_are_settled_to_the_last_and_no_further() {
        let settle = |callbacks| {
            let mut state = State {
                corked: 0,
                ..counted(MAX_CHUNKS - 3, 0)
            };
            let deferred = true;
            let leased = Leased::Written {
                callbacks,
                deferred,
            };
            let _ = step(&mut state, &OPTIONS, None, Input::Settle(leased));
            (state.pending, state.counts_after_write())
        };
        assert_eq!(settle(3), (MAX_CHUNKS, true));
        assert_eq!(settle(4), (MAX_CHUNKS - 3, false));
    }

    /// A stream with a write of 4 bytes at the sink, and two of 3 in the queue.
    fn flows(options: &Options) -> State {
        let mut state = State::new(options);
        let chunk = |len| Measure {
            len,
            callback: true,
        };
        let then = step(&mut state, options, None, Input::Write(chunk(4))).then;
        let resumed = then.map(|then| step(&mut state, options, None, Input::Resume(then)));
        assert_eq!(resumed, Some(Step::done()));
        for _ in 0..2 {
            let _ = step(&mut state, options, None, Input::Write(chunk(3)));
        }
        state
    }

    #[test]
    fn answers_are_settled_to_the_last_chunk_and_to_the_drain_and_no_further() {
        let settle = |options: &Options, answers, len| {
            let mut state = flows(options);
            let head = Some(Measure {
                len: 3,
                callback: false,
            });
            let leased = Leased::Flushed { answers, len };
            let _ = step(&mut state, options, head, Input::Settle(leased));
            let lengths = (state.length(), state.in_flight());
            (state.queued(), state.pending(), lengths)
        };
        assert_eq!(settle(&OPTIONS, 2, 7), (0, 1, (3, 3)));
        assert_eq!(settle(&OPTIONS, 0, 0), (2, 3, (10, 4)));
        assert_eq!(settle(&OPTIONS, 3, 7), (2, 3, (10, 4)));
        let low = OPTIONS.with_low_water_mark(3);
        assert_eq!(settle(&low, 1, 6), (1, 2, (4, 3)));
        assert_eq!(settle(&low, 2, 7), (2, 3, (10, 4)));
    }

    #[test]
    fn a_queue_of_several_that_goes_in_one_call_is_on_no_lease() {
        let batches = OPTIONS.with_batches(true);
        assert_eq!(flows(&OPTIONS).lease_to_flush(&OPTIONS).count, 2);
        assert_eq!(flows(&OPTIONS).lease_to_flush(&batches).count, 0);
        let one = State {
            queued: 1,
            ..flows(&OPTIONS)
        };
        assert_eq!(one.lease_to_flush(&batches).count, 1);
    }

    #[test]
    fn objects_are_written_on_a_lease_as_well() {
        let options = OPTIONS.with_object_mode(true);
        let lease = State::new(&options).lease_to_write(&options);
        assert_eq!(lease.count, MAX_CHUNKS);
    }

    #[test]
    fn objects_are_counted_and_not_measured() {
        let options = OPTIONS.with_object_mode(true).with_limit(3);
        let mut state = counted(0, 0);
        let lease = state.lease_to_queue(&options);
        let count = MAX_CHUNKS;
        let (len, answer) = (3, Flow::More);
        assert_eq!(lease, Lease { count, len, answer });
        let leased = |chunks, len| {
            Input::Settle(Leased::Queued {
                chunks,
                len,
                callback: false,
            })
        };
        let _ = step(&mut state, &options, None, leased(4, 1));
        assert_eq!((state.length(), state.queued()), (0, 0));
        let _ = step(&mut state, &options, None, leased(2, 99));
        assert_eq!((state.length(), state.queued()), (2, 2));
    }
}
