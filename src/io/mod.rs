//! Owner and producers as what existing code writes to.

pub(crate) mod blocking;
#[cfg(feature = "futures")]
mod futures;
#[cfg(feature = "tokio")]
pub(crate) mod tokio;
