//! Why a worker could not be started.

use core::fmt;
use std::io;

use crate::cause::io_code;

/// The worker of a stream, its thread or its task, could not be started; the sink is
/// handed back.
///
/// ```
/// let builder = highwater::Writable::builder().thread_name("no\0name");
/// let error = builder.spawn(vec![1, 2, 3]).expect_err("no thread has such a name");
/// assert_eq!((error.code(), error.sink), ("EINVAL", vec![1, 2, 3]));
/// ```
#[derive(thiserror::Error)]
#[error("the worker of the stream could not be started")]
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

impl<T> From<SpawnError<T>> for io::Error {
    fn from(error: SpawnError<T>) -> Self {
        error.source
    }
}
