//! When a call of the sink that has failed is made again.

use alloc::boxed::Box;
use core::time::Duration;
use std::io;

/// Says of each error whether to make the call again, and when.
pub(crate) struct Retry {
    predicate: Box<dyn FnMut(&io::Error) -> bool + Send>,
    backoff: Box<dyn FnMut(u32) -> Duration + Send>,
    /// How many calls in a row have failed.
    attempts: u32,
}

impl Retry {
    pub(super) fn new(
        predicate: impl FnMut(&io::Error) -> bool + Send + 'static,
        backoff: impl FnMut(u32) -> Duration + Send + 'static,
    ) -> Self {
        Self {
            predicate: Box::new(predicate),
            backoff: Box::new(backoff),
            attempts: 0,
        }
    }

    /// How long to wait before the call is made again. `None` if this error ends the stream.
    pub(crate) fn after(&mut self, error: &io::Error) -> Option<Duration> {
        if !(self.predicate)(error) {
            return None;
        }
        self.attempts = self.attempts.saturating_add(1);
        Some((self.backoff)(self.attempts))
    }

    /// The sink has taken something.
    pub(crate) fn succeeded(&mut self) {
        self.attempts = 0;
    }
}
