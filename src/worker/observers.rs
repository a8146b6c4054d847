//! Who sees the events of a stream. The worker calls them, outside every lock.

use alloc::collections::VecDeque;

use super::unwind::{caught, dispose};
use crate::stream::{Event, Observer, OnError};

/// Who sees the events. Each is dropped once it panics.
#[derive(Default)]
pub(super) struct Observers {
    /// Sees the first error, before the observer does.
    on_error: Option<OnError>,
    observer: Option<Observer>,
}

impl Observers {
    pub(super) fn new(on_error: Option<OnError>, observer: Option<Observer>) -> Self {
        Self { on_error, observer }
    }

    pub(super) fn is_some(&self) -> bool {
        self.on_error.is_some() || self.observer.is_some()
    }

    pub(super) fn emit(&mut self, events: VecDeque<Event>) {
        if events.is_empty() {
            // Most jobs have none.
            return;
        }
        for event in events {
            if let Event::Error(cause) = &event {
                if let Some(on_error) = self.on_error.take() {
                    // If it panics, the observer sees the error none the less.
                    drop(caught("`on_error`", || on_error(cause)));
                }
            }
            if let Some(mut observer) = self.observer.take() {
                match caught("the observer", || observer(event)) {
                    Ok(()) => self.observer = Some(observer),
                    Err(_) => dispose(observer),
                }
            }
        }
    }
}
