//! How a thread waits: as a task does, with a waker, which wakes the thread.

use alloc::sync::Arc;
use alloc::task::Wake;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use core::task::Waker;
use core::time::Duration;
use std::time::Instant;

use crate::sync::{AtomicBool, Ordering, park, thread};

/// A thread that waits. Its waker may be woken from anywhere, at any time.
pub(crate) struct Parker {
    sign: Arc<Sign>,
    waker: Waker,
}

struct Sign {
    /// Invariant: it is set before the thread is unparked, and the thread clears it.
    woken: AtomicBool,
    thread: thread::Thread,
}

impl Wake for Sign {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Parker {
    /// For the thread of the caller, which alone parks it.
    pub(crate) fn new() -> Self {
        let sign = Arc::new(Sign {
            woken: AtomicBool::new(false),
            thread: thread::current(),
        });
        let waker = Waker::from(Arc::clone(&sign));
        Self { sign, waker }
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Whether it was woken since it has parked.
    pub(crate) fn is_woken(&self) -> bool {
        self.sign.woken.load(Ordering::Acquire)
    }

    /// Waits until it is woken, or until the deadline. Returns whether it was woken.
    pub(crate) fn park(&self, deadline: Deadline) -> bool {
        while !self.is_woken() {
            let Some(left) = deadline.left() else {
                return false;
            };
            // It may return for no reason, or because other code has unparked the thread.
            park(left);
        }
        self.sign.woken.store(false, Ordering::Relaxed);
        true
    }
}

/// Whether it pays to stay awake. To be woken costs the waker more than some turns cost
/// a waiter, but only if what it waits for comes within these turns.
#[derive(Debug)]
pub(crate) struct Patience {
    /// Whether others need the processors: known to all waits of the process.
    machine: &'static Doubt,
    /// Whether this kind of wait is worth it.
    waits: Doubt,
}

/// A delay costs milliseconds, so no two waits should have one each to learn the same from it.
static MACHINE: Doubt = Doubt::new();

/// How often something is tried: the less often, the less the last tries have brought.
#[derive(Debug)]
pub(crate) struct Doubt {
    /// How little they have brought: 0 if each was worth it.
    vain: AtomicU32,
    /// How many of the next tries are left out. Neither is of loom's type: they only change how
    /// long a wait takes.
    skip: AtomicU32,
}

/// How many turns a waiter leaves to others before it goes to sleep. Where no other thread needs
/// the processor, a turn takes a tenth of a microsecond, and [`AWAKE`] ends the wait sooner. In
/// loom's models each of them is a state more, so most do without.
const TURNS: u32 = match (cfg!(highwater_loom), cfg!(highwater_loom = "awake")) {
    (false, _) => 1000,
    (true, true) => 1,
    (true, false) => 0,
};

/// When `vain` is n, the next 2^n - 1 tries are left out. So if they are never worth it, one in
/// 2^n is made. Tries that bring nothing lead up to here.
const MOST_VAIN: u32 = 8;

/// Waits that are delayed lead up to here: on a busy machine one that stays awake can take
/// milliseconds. The waits of all kinds count, and a hand-over has several.
const MOST_DELAYED: u32 = 16;

/// The step of a try that brings nothing: a few of them, and a stream of rare writes sleeps.
const VAIN: u32 = 2;

/// The step of a wait that is delayed. One delay alone proves little: the system, or a host below
/// it, takes the processor away now and then. A wait that is worth it goes back to 0 from below
/// here, and from above by 1: on a busy machine some waits are still worth it, and each of the
/// others costs a thousand times what these save.
const DELAY: u32 = 4;

/// How long it stays awake at most: about as long as the wake-up takes that this saves. With
/// less, a producer of corked lines sleeps between two jobs of the sink.
pub(super) const AWAKE: Duration = Duration::from_micros(50);

/// A turn that takes longer shows that others need the processor.
const LONG_TURN: Duration = Duration::from_micros(100);

impl Patience {
    pub(crate) const fn new() -> Self {
        Self {
            machine: &MACHINE,
            waits: Doubt::new(),
        }
    }

    /// Leaves some turns to other threads, but not once this has happened.
    pub(crate) fn spin(&self, happened: impl Fn() -> bool) {
        if !happened() && self.tries() {
            self.learns(stay_awake(AWAKE, happened));
        }
    }

    /// Whether this wait should stay awake at first.
    pub(crate) fn tries(&self) -> bool {
        let (calm, worth) = (self.machine.tries(), self.waits.tries());
        calm && worth && TURNS > 0
    }

    /// A wait stayed awake, and this is what it has brought.
    pub(crate) fn learns(&self, brought: Brought) {
        let delays = self.machine.vain.load(Relaxed);
        match brought {
            Brought::Much => {
                self.waits.learns(true);
                // Other streams read it as well: it is not written for nothing.
                if delays > 0 {
                    self.machine.set(match delays < DELAY {
                        true => 0,
                        false => delays - 1,
                    });
                }
            }
            Brought::Nothing => self.waits.learns(false),
            // What others have just learned may have been the same delay.
            Brought::Delay if self.machine.is_resting() => {}
            Brought::Delay => self.machine.set((delays + DELAY).min(MOST_DELAYED)),
        }
    }
}

impl Doubt {
    pub(crate) const fn new() -> Self {
        Self {
            vain: AtomicU32::new(0),
            skip: AtomicU32::new(0),
        }
    }

    /// Whether to try this time.
    pub(crate) fn tries(&self) -> bool {
        let skip = self.skip.load(Relaxed);
        if skip > 0 {
            self.skip.store(skip - 1, Relaxed);
        }
        skip == 0
    }

    /// Whether the next try is left out.
    fn is_resting(&self) -> bool {
        self.skip.load(Relaxed) > 0
    }

    /// A try was worth it, or it was not.
    pub(crate) fn learns(&self, worth: bool) {
        self.set(match worth {
            true => 0,
            false => (self.vain.load(Relaxed) + VAIN).min(MOST_VAIN),
        });
    }

    fn set(&self, vain: u32) {
        // In loom's models what was before is not to make a difference.
        let vain = if cfg!(highwater_loom) { 0 } else { vain };
        self.vain.store(vain, Relaxed);
        self.skip.store((1 << vain) - 1, Relaxed);
    }
}

/// What a wait has brought that stayed awake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    /// What it waited for, at less cost than a wake-up.
    Much,
    /// Nothing yet.
    Nothing,
    /// Others need the processor: then a sleeper wakes sooner than a caller that keeps asking
    /// for a turn.
    Delay,
}

/// Leaves some turns to other threads, for at most this time, until this has happened.
pub(crate) fn stay_awake(time: Duration, happened: impl Fn() -> bool) -> Brought {
    match turns(TURNS, time, || happened().then_some(())) {
        Ok(()) => Brought::Much,
        Err(brought) => brought,
    }
}

/// Leaves at most this many turns to other threads, for at most this time, until `find` finds
/// something.
pub(crate) fn turns<T>(
    most: u32,
    time: Duration,
    find: impl Fn() -> Option<T>,
) -> Result<T, Brought> {
    let start = Instant::now();
    let mut before = start;
    for _ in 0..most {
        thread::yield_now();
        let now = Instant::now();
        // In loom's models time is not to make a difference.
        let since = |then| match cfg!(highwater_loom) {
            true => Duration::ZERO,
            false => now.saturating_duration_since(then),
        };
        if since(before) > LONG_TURN {
            return Err(Brought::Delay);
        }
        if let Some(found) = find() {
            return Ok(found);
        }
        if since(start) > time {
            break;
        }
        before = now;
    }
    Err(Brought::Nothing)
}

/// Until when to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) const NEVER: Self = Self(None);

    /// One too far away to be counted is none.
    pub(crate) fn after(timeout: Duration) -> Self {
        // In loom's models no time passes, so what comes after a time never comes.
        let comes = !cfg!(highwater_loom) || timeout.is_zero();
        let now = Instant::now();
        Self(now.checked_add(timeout).filter(|_| comes))
    }

    /// The earlier of both.
    pub(crate) fn or_earlier(self, other: Self) -> Self {
        Self(self.0.into_iter().chain(other.0).min())
    }

    pub(crate) fn has_passed(self) -> bool {
        self.left().is_none()
    }

    /// `None` if it has passed; else how long it is, or `None` for no end.
    fn left(self) -> Option<Option<Duration>> {
        let Some(deadline) = self.0 else {
            return Some(None);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(Some(left))
    }
}

#[cfg(all(test, not(highwater_loom)))]
mod tests {
    use alloc::boxed::Box;

    use super::{Brought, Doubt, Patience};

    /// Of a machine of its own.
    fn patience() -> Patience {
        Patience {
            machine: Box::leak(Box::new(Doubt::new())),
            waits: Doubt::new(),
        }
    }

    /// How many waits in a row go to sleep at once.
    fn sleeps(patience: &Patience) -> usize {
        let mut sleeps = 0;
        while !patience.tries() {
            sleeps += 1;
        }
        sleeps
    }

    #[test]
    fn a_single_delay_makes_few_waits_sleep() {
        let patience = patience();
        assert!(patience.tries());
        patience.learns(Brought::Delay);
        let all = [(); 2].map(|()| {
            let sleeps = sleeps(&patience);
            patience.learns(Brought::Much);
            sleeps
        });
        assert_eq!(all, [15, 7]);
        assert_eq!(sleeps(&patience), 0);
    }

    #[test]
    fn a_delay_of_one_wait_makes_another_sleep() {
        let one = patience();
        let other = Patience {
            machine: one.machine,
            waits: Doubt::new(),
        };
        one.learns(Brought::Delay);
        // It had begun before.
        other.learns(Brought::Delay);
        assert_eq!(sleeps(&other), 15);
    }

    #[test]
    fn a_machine_that_delays_every_other_wait_is_tried_rarely() {
        let patience = patience();
        let all = [(); 5].map(|()| {
            patience.learns(Brought::Delay);
            let before = sleeps(&patience);
            patience.learns(Brought::Much);
            (before, sleeps(&patience))
        });
        let after = all.map(|(_, after)| after);
        assert_eq!(after, [7, 63, 511, 4095, 32767]);
        patience.learns(Brought::Nothing);
        assert_eq!(sleeps(&patience), 3);
    }

    #[test]
    fn waits_that_bring_nothing_make_more_and_more_waits_sleep() {
        let patience = patience();
        let all = [(); 6].map(|()| {
            patience.learns(Brought::Nothing);
            sleeps(&patience)
        });
        assert_eq!(all, [3, 15, 63, 255, 255, 255]);
    }

    #[test]
    fn a_machine_that_delays_each_wait_is_tried_rarely() {
        let patience = patience();
        let all = [(); 5].map(|()| {
            patience.learns(Brought::Delay);
            sleeps(&patience)
        });
        assert_eq!(all, [15, 255, 4095, 65535, 65535]);
        patience.learns(Brought::Much);
        assert_eq!(sleeps(&patience), 32767);
    }
}
