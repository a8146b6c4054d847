//! The stream as it lies under the lock of a handle: the driver, and what handles and
//! workers do with it.
//!
//! - `stream.rs`: the stream, and [`Stream::change`], which returns whom to wake
//! - `write.rs`: what a producer does: write, flush, cork; `lease.rs`: how most small writes
//!   get in
//! - `wait.rs`: what a caller waits for; `waiters.rs`: the callers that wait
//! - `end.rs`: how it ends, and what is left then
//! - `work.rs`: what the worker takes, and what it reports
//! - `handoff.rs`: what lies between the machine and the worker
//! - `write_job.rs`: a job of writing: what the sink gets next, and what it has taken
//! - `event.rs`: what an observer sees, and what can be read
//!
//! No rule of the stream is here: what may be written when, when the stream says
//! `Wait`, and when 'drain' comes is in the [machine](crate::machine).

mod end;
mod event;
mod handoff;
mod lease;
#[allow(clippy::module_inception)] // it is what the floor is about
mod stream;
mod wait;
#[cfg(feature = "futures")]
mod waiters;
mod work;
mod write;
mod write_job;

pub(crate) use end::Failure;
pub use end::{EndError, Finished, Unfinished};
pub use event::{Event, Snapshot};
pub(crate) use event::{Observer, OnError};
pub(crate) use handoff::Job;
pub(crate) use stream::{OPTIONS, Stream, Wake};
pub(crate) use wait::Condition;
pub use wait::WaitError;
#[cfg(feature = "futures")]
pub(crate) use waiters::{Ticket, Waiters};
pub(crate) use work::Work;
pub use write::WriteError;
pub(crate) use write_job::{Call, Item, WriteJob};
