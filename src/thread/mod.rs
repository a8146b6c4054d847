//! A background thread over any [`io::Write`](std::io::Write).
//!
//! Producers put chunks into the stream under a lock, which is never held while
//! anything slow happens; the worker, a thread of its own, takes what the
//! machine gives to the sink, and puts the answer back:
//!
//! ```text
//!   producers ──write──▶ Shared { Driver<Desk> } ◀──answer── Worker { sink, observer }
//!             ◀─wait────        under a lock       ──job, events──▶
//! ```
//!
//! - `writable.rs`: the owner, [`Writable`]; `pipe.rs`: a source into it;
//!   `writer.rs`: the producers; `builder.rs`: how it is made
//! - `shared.rs`: the lock, and who waits for whom; `worker.rs`: the thread
//! - what it shares with other adapters is in `src/adapter/`
//!
//! There is no rule of the stream here: what may be written when, who is told
//! to wait and when that is over is the [machine](crate::machine)'s affair.

mod builder;
mod pipe;
mod shared;
mod worker;
mod writable;
mod writer;

pub use builder::{Builder, OnDrop};
pub use writable::Writable;
pub use writer::{Blocking, Corked, Writer};
