//! Who moves the data: a worker alone touches the sink and calls the observer.

#[cfg(feature = "futures")]
pub(crate) mod future;
mod observers;
#[cfg(feature = "futures")]
mod polled;
pub(crate) mod spawn_error;
pub(crate) mod thread;
#[cfg(feature = "tokio")]
pub(crate) mod tokio;
mod unwind;
