//! Who moves the data: a worker alone touches the sink and calls the observer.
//!
//! - `thread.rs`: a background thread over any `io::Write`
//! - `future.rs`: a future over any `futures_io::AsyncWrite`
//! - `tokio.rs`: a task of tokio over its `AsyncWrite`
//! - `body.rs`: the reader of an HTTP body or the like; `frames.rs`: what it is given
//! - `leave.rs`: how a worker leaves; `observers.rs`: who sees the events
//! - `unwind.rs`: calls of what users have written: an error or a panic becomes a cause
//! - `spawn_error.rs`: why a worker could not be started

#[cfg(feature = "futures")]
mod body;
#[cfg(feature = "futures")]
mod frames;
#[cfg(feature = "futures")]
mod future;
mod leave;
mod observers;
mod spawn_error;
mod thread;
#[cfg(feature = "tokio")]
mod tokio;
mod unwind;

#[cfg(feature = "futures")]
pub use body::Body;
#[cfg(feature = "futures")]
pub(crate) use frames::Part;
#[cfg(feature = "futures")]
pub use future::Worker;
pub use spawn_error::SpawnError;
