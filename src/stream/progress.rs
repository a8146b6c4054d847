//! How far the worker is within a job, and whether it should stop: what worker and stream
//! tell each other without the lock.

use crate::sync::{AtomicBool, AtomicU64, Ordering, fence};

/// The worker adds to it after each call of the sink. Everything that looks at the stream
/// under the lock counts it in, so no waiter has to wait for the end of a long job.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The job is to stop after the call that runs.
    stop: AtomicBool,
    /// How many bytes the sink has taken since the stream was created. The worker alone
    /// writes it.
    bytes: AtomicU64,
    /// How many flushes the sink has done since then. The worker alone writes it.
    flushes: AtomicU64,
    /// Once the sink has taken this many bytes, a waiter may go on: then the worker reports
    /// in the middle of the job. Written under the lock.
    wake_at: AtomicU64,
}

/// What a sink has done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) bytes: u64,
    pub(super) flushes: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            stop: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            wake_at: AtomicU64::new(u64::MAX),
        }
    }
}

impl Progress {
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    pub(super) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    /// The sink has done this much more.
    pub(super) fn add(&self, done: Done) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        let bytes = bytes.saturating_add(done.bytes);
        self.bytes.store(bytes, Ordering::Release);
        let flushes = self.flushes.load(Ordering::Relaxed);
        self.flushes
            .store(flushes + done.flushes, Ordering::Release);
    }

    /// Whether a waiter may go on, now that the sink has taken what it has. Of this and
    /// [`Progress::wake_at`], which may run at the same time, one at least sees the other.
    pub(crate) fn is_due(&self) -> bool {
        fence(Ordering::SeqCst);
        self.bytes() >= self.wake_at.load(Ordering::Relaxed)
    }

    /// The worker reports at this many bytes. Returns whether that is now.
    #[inline]
    pub(super) fn wake_at(&self, bytes: u64) -> bool {
        self.wake_at.store(bytes, Ordering::Relaxed);
        bytes < u64::MAX && self.is_due()
    }
}
