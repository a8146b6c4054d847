//! Calls of what users have written: sinks, openers, observers. None of them may
//! unwind into the stream.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use core::any::Any;
use core::mem;
use core::panic::AssertUnwindSafe;
use std::io;
use std::panic::catch_unwind;

use super::event::Event;
use crate::Cause;

/// Is told the events.
pub(crate) struct Observer(Option<Box<dyn FnMut(Event) + Send>>);

impl Observer {
    /// Nobody.
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn new(observer: impl FnMut(Event) + Send + 'static) -> Self {
        Self(Some(Box::new(observer)))
    }

    /// As this one, after somebody who is told the first error.
    #[cfg(all(feature = "tracing", not(highwater_loom)))]
    pub(crate) fn after_error(mut self, tell: impl FnOnce(&Cause) + Send + 'static) -> Self {
        let mut tell = Some(tell);
        Self::new(move |event| {
            if let Event::Error(cause) = &event {
                if let Some(tell) = tell.take() {
                    // If it panics, the observer is told none the less.
                    drop(caught(|| tell(cause)));
                }
            }
            self.tell(VecDeque::from([event]));
        })
    }

    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// One that panics is not told any more.
    pub(crate) fn tell(&mut self, events: VecDeque<Event>) {
        for event in events {
            let Some(mut observer) = self.0.take() else {
                return;
            };
            match caught(|| observer(event)) {
                Ok(()) => self.0 = Some(observer),
                Err(_) => dispose(observer),
            }
        }
    }
}

/// A panic becomes a cause.
pub(crate) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Cause> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let cause = Cause::Panic(message(&*panic).into());
        // Dropping it could panic again.
        mem::forget(panic);
        cause
    })
}

/// Runs the sink's code: an error or a panic becomes a cause.
pub(crate) fn guard<T>(f: impl FnOnce() -> io::Result<T>) -> Result<T, Cause> {
    caught(f)?.map_err(Cause::from)
}

/// Drops something of the user's, which may panic.
pub(crate) fn dispose<T>(value: T) {
    // What a panic brought along is forgotten.
    drop(caught(|| drop(value)));
}

fn message(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "no message"
    }
}
