//! How a worker leaves the producers of a group time for their next records.

use core::time::Duration;

use super::lock::{Shared, drop_quietly};
use super::parker::{AWAKE, Deadline, Parker};
use crate::stream::{By, Stream, WriteJob};

/// The producers of a group that is durable, on their way to their next records.
#[derive(Debug)]
pub(crate) struct Group {
    /// How many flushes the stream had accepted when they were woken.
    start: u64,
    /// How many it had when the worker looked last.
    now: u64,
    /// How many it will have once each of them has asked for its next one.
    all: u64,
    /// How many turns in a row have brought none.
    #[cfg(feature = "futures")]
    vain: u32,
}

impl Group {
    /// Whether one more has come since the worker looked last.
    fn comes(&mut self, now: u64) -> bool {
        let comes = now > self.now;
        self.now = now;
        comes
    }
}

impl Shared {
    /// Before a job is answered: if it was a group, wakes its producers, who may then write their
    /// next records. Those that are in line when the job is answered are one group, with what came
    /// before. Without it, two halves of the producers take turns, and each half has a sync of its
    /// own. `None` if the worker answers at once.
    pub(crate) fn wake_group(&self, job: &mut WriteJob) -> Option<Group> {
        let len = job.publish_group()?;
        // Counted before they are woken, as some write at once.
        let start = self.report(By::Harmless, |stream| stream.flushes());
        self.signs().gather.tries().then(|| Group {
            start,
            now: start,
            all: start + len,
            #[cfg(feature = "futures")]
            vain: 0,
        })
    }

    /// A thread that works sleeps until all of the group have come, as long as they come. The last
    /// of them wakes it: if it stayed awake, it would take a processor away from them.
    pub(crate) fn gather(&self, parker: &Parker, mut group: Group) {
        loop {
            let waker = parker.waker().clone();
            let (waits, unneeded) = self.lock().wait_for_group(group.all, waker);
            drop_quietly(unneeded);
            if !waits {
                break;
            }
            let woken = parker.park(Deadline::after(PATIENCE));
            if !group.comes(self.look(Stream::flushes)) && !woken {
                break;
            }
        }
        let unneeded = self.lock().forget_worker();
        drop_quietly([unneeded, None]);
        self.gathered(&group);
    }

    /// The same for a worker that is polled, which leaves turns to other tasks. Returns whether it
    /// waits on.
    #[cfg(feature = "futures")]
    pub(crate) fn poll_gather(&self, group: &mut Group) -> bool {
        let (waits, now) = self.look(|stream| (stream.gathers(group.all), stream.flushes()));
        group.vain = match group.comes(now) {
            true => 0,
            false => group.vain + 1,
        };
        let goes_on = waits && group.vain <= MOST_VAIN;
        if !goes_on {
            self.gathered(group);
        }
        goes_on
    }

    /// If no producer has come, the worker does not wait for those of the next groups.
    fn gathered(&self, group: &Group) {
        let worth = self.look(Stream::flushes) > group.start;
        self.signs().gather.learns(worth);
    }
}

/// How long a thread waits while no producer of a group comes. In loom's models no time passes, so
/// it does not wait there.
const PATIENCE: Duration = match cfg!(highwater_loom) {
    true => Duration::ZERO,
    false => AWAKE,
};

/// How many turns in a row a worker that is polled leaves to other tasks while no producer of a
/// group comes.
#[cfg(feature = "futures")]
const MOST_VAIN: u32 = 16;
