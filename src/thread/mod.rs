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
//! A small write is usually no more than a copy under the lock: the machine says
//! how many bytes it would queue and answer `true` (its *credit*), and what was
//! written on credit is put in as one chunk before anything else happens. That
//! nobody can tell the difference is a law with tests (`tests/credit.rs`).
//!
//! - `writable.rs`: the owner, [`Writable`]; `pipe.rs`: a source into it;
//!   `writer.rs`: the producers; `builder.rs`: how it is made
//! - `shared.rs`: the lock, and who waits for whom; `desk.rs`: the
//!   [`Host`](crate::Host), which puts jobs down and takes answers
//! - `worker.rs`: the thread; `event.rs`: what is told and can be read
//! - `sync.rs`: the primitives, in one place
//!
//! There is no rule of the stream here: what may be written when, who is told
//! to wait and when that is over is the [machine](crate::machine)'s affair.

mod builder;
mod desk;
mod event;
mod pipe;
mod shared;
mod sync;
mod worker;
mod writable;
mod writer;

pub use builder::{Builder, OnDrop};
pub use event::{Event, Snapshot};
pub use writable::{Done, Remains, Writable};
pub use writer::{Blocking, Corked, Writer};
