//! Why a worker could not be started.

use core::error::Error;
use core::fmt;
use std::io;

use crate::cause::io_code;

/// The worker of a stream, its thread or its task, could not be started. The error hands the sink
/// back, so it goes into a [`BoxError`](crate::BoxError) only if the sink is `Send` and `Sync`;
/// `io::Error::from` leaves the sink out.
///
/// ```
/// let builder = highwater::Writable::builder().thread_name("no\0name");
/// let error = builder.spawn(vec![1, 2, 3]).expect_err("no thread has such a name");
/// assert_eq!((error.code(), error.sink), ("EINVAL", vec![1, 2, 3]));
/// ```
#[non_exhaustive]
pub struct SpawnError<T> {
    /// The system's error.
    pub source: io::Error,
    /// What the stream was to write to.
    pub sink: T,
}

impl<T> SpawnError<T> {
    /// The system's code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        io_code(&self.source)
    }
}

impl<T> fmt::Debug for SpawnError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnError")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

// By hand: the system's error is not a source, as its text is in this one's.

impl<T> fmt::Display for SpawnError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the worker of the stream could not be started: {}",
            self.source
        )
    }
}

impl<T> Error for SpawnError<T> {}

impl<T> From<SpawnError<T>> for io::Error {
    fn from(error: SpawnError<T>) -> Self {
        error.source
    }
}
