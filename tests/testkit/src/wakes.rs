//! Wake-ups, counted.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts how often its wakers are woken. A clone has the same count.
#[derive(Clone, Debug, Default)]
pub struct Wakes(Arc<Count>);

#[derive(Debug, Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wakes {
    /// Makes a waker that counts here.
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    /// Returns how many wake-ups there were since the last [`take`](Self::take).
    pub fn count(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Returns the count and sets it to zero.
    pub fn take(&self) -> usize {
        self.0.0.swap(0, Ordering::Relaxed)
    }

    /// Says whether a waker is left, or a clone of this.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// A future that is polled by hand, with a waker that counts.
#[derive(Debug)]
pub struct Counted<F> {
    future: F,
    wakes: Wakes,
}

impl<F: Future + Unpin> Counted<F> {
    pub fn new(future: F) -> Self {
        let wakes = Wakes::default();
        Self { future, wakes }
    }

    /// Polls the future once: it has to wait.
    #[track_caller]
    pub fn waiting(future: F) -> Self {
        let mut counted = Self::new(future);
        assert!(counted.poll().is_pending(), "it has to wait");
        counted
    }

    pub fn poll(&mut self) -> Poll<F::Output> {
        let waker = self.wakes.waker();
        Pin::new(&mut self.future).poll(&mut Context::from_waker(&waker))
    }

    /// Returns how often the future was woken since the last call.
    pub fn woken(&self) -> usize {
        self.wakes.take()
    }

    /// Returns the count of the wake-ups.
    pub fn wakes(&self) -> &Wakes {
        &self.wakes
    }
}
