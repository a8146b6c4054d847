//! Owner and producers as what existing code writes to.

mod blocking;
#[cfg(feature = "futures")]
mod futures;
#[cfg(feature = "tokio")]
mod tokio;

pub use blocking::BlockingWriter;
