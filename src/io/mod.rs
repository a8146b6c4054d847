//! Owner and producers as what existing code writes to, and a body as what it reads from.

mod blocking;
#[cfg(feature = "futures")]
mod body;
#[cfg(feature = "futures")]
mod futures;
#[cfg(feature = "tokio")]
mod tokio;

pub use blocking::BlockingWriter;
#[cfg(all(feature = "tracing", not(highwater_loom)))]
pub(crate) use blocking::text;
#[cfg(feature = "futures")]
pub use body::BodyReader;
