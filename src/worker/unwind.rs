//! Calls of what users have written: sinks, openers, observers. An error or a panic
//! becomes a [`Cause`]; none unwinds into the stream.

use alloc::string::String;
use core::any::Any;
use core::mem;
use core::panic::AssertUnwindSafe;
#[cfg(feature = "futures")]
use core::task::Poll;
use std::io;
use std::panic::catch_unwind;

use crate::cause::Cause;

/// A panic becomes a cause.
pub(super) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, Cause> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let cause = Cause::Panic(message(&*panic).into());
        // Dropping it could panic again.
        mem::forget(panic);
        cause
    })
}

/// Runs the sink's code: an error or a panic becomes a cause.
pub(super) fn guard<T>(f: impl FnOnce() -> io::Result<T>) -> Result<T, Cause> {
    caught(f)?.map_err(Cause::from)
}

/// As [`guard`], for code that is polled.
#[cfg(feature = "futures")]
pub(super) fn poll_guard<T>(f: impl FnOnce() -> Poll<io::Result<T>>) -> Poll<Result<T, Cause>> {
    match caught(f) {
        Ok(poll) => poll.map_err(Cause::from),
        Err(cause) => Poll::Ready(Err(cause)),
    }
}

/// Drops something of the user's, which may panic.
pub(super) fn dispose<T>(value: T) {
    let mut value = Some(value);
    // What a panic brought along is forgotten.
    drop(caught(|| value = None));
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
