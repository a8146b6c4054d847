//! What users hold: how a stream is made, its owner, its producers.

#[cfg(feature = "futures")]
pub(crate) mod future;
pub(crate) mod pipe_error;
pub(crate) mod thread;
