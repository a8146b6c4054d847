//! The handle of a stream with a thread behind it.
//!
//! - `writable.rs`: the owner; `pipe.rs`: a source into it
//! - `writer.rs`: the producers
//! - `lock.rs`: where producers, owner and worker meet

mod lock;
mod pipe;
mod writable;
mod writer;

pub(crate) use lock::{Deadline, PLENTY, Shared};
pub use writable::Writable;
pub use writer::{CorkGuard, Writer};
