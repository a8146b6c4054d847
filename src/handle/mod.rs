//! What users hold: how a stream is made, its owner, its producers.
//!
//! - `builder.rs`: how it is made; `pipe_error.rs`: why a source could not be piped
//! - `thread/`: the handle of a stream with a thread behind it
//! - `future/`: the handle of a stream with a future behind it

mod builder;
#[cfg(feature = "futures")]
pub(crate) mod future;
mod pipe_error;
pub(crate) mod thread;

#[cfg(feature = "futures")]
pub use builder::FutureOptions;
pub use builder::{Builder, OnDrop, ThreadOptions};
pub use pipe_error::PipeError;
