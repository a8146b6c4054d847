//! Calls of what users have written: sinks, openers, observers. An error or a panic
//! becomes a [`Cause`]; none unwinds into the stream.

use alloc::format;
use alloc::string::String;
use core::any::Any;
use core::mem;
use core::panic::AssertUnwindSafe;
#[cfg(feature = "futures")]
use core::task::Poll;
use std::io;
use std::panic::catch_unwind;

use crate::cause::Cause;

/// The sink, as a cause names it.
pub(super) const SINK: &str = "the sink";

/// What opens the sink, as a cause names it.
pub(super) const OPENER: &str = "the opener";

/// A panic becomes a cause, which says whose it is.
pub(super) fn caught<T>(whose: &str, f: impl FnOnce() -> T) -> Result<T, Cause> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let cause = Cause::Panic(format!("{whose} panicked: {}", message(&*panic)).into());
        // Dropping it could panic again.
        mem::forget(panic);
        cause
    })
}

/// Runs code of the sink or of what opens it: an error or a panic becomes a cause.
pub(super) fn guard<T>(whose: &str, f: impl FnOnce() -> io::Result<T>) -> Result<T, Cause> {
    caught(whose, f)?.map_err(Cause::from)
}

/// As [`guard`], for code that is polled.
#[cfg(feature = "futures")]
pub(super) fn poll_guard<T>(
    whose: &str,
    f: impl FnOnce() -> Poll<io::Result<T>>,
) -> Poll<Result<T, Cause>> {
    match caught(whose, f) {
        Ok(poll) => poll.map_err(Cause::from),
        Err(cause) => Poll::Ready(Err(cause)),
    }
}

/// Drops something of the user's, which may panic.
pub(super) fn dispose<T>(value: T) {
    let mut value = Some(value);
    // What a panic brought along is forgotten.
    drop(caught("a drop", || value = None));
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
