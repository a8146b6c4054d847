//! The stream for async code, on any executor: [`Writable`] is the handle, and a
//! [`Worker`] is the future that moves the data.
//!
//! [`Builder::pair`] makes both. Spawn the worker on your executor, or poll it beside the
//! producer. Nothing runs in the background: unless you poll the worker, the sink gets
//! nothing.
//!
//! ```
//! use futures::executor::LocalPool;
//! use futures::io::Cursor;
//! use futures::task::SpawnExt;
//! use highwater::{Flow, future::Writable};
//!
//! let mut pool = LocalPool::new();
//! let builder = Writable::builder().high_water_mark(1024);
//! let (mut out, worker) = builder.pair(Cursor::new(Vec::new()));
//! pool.spawner().spawn(worker)?;
//! let done = pool.run_until(async move {
//!     for n in 1..=100_000 {
//!         if out.write(format!("{n}\n"))? == Flow::Wait {
//!             out.drained().await?;
//!         }
//!     }
//!     Ok::<_, highwater::BoxError>(out.end().await?)
//! })?;
//! assert_eq!(done.sink.into_inner().len(), 588_895);
//! assert!(done.totals.peak < 1024 + 7);
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! # Cancelling
//!
//! Any of the futures here may be dropped at any await, and nothing is lost: writes
//! are done when the call returns, waits have no effect, a flush keeps its place in
//! line, and a stream that was being ended goes on ending. Two of them own the stream
//! and stop it: [`Writable::pipe`], as half a source is no end, and [`Writable::destroy`],
//! whatever becomes of it. Dropping the *worker*
//! before the end destroys the stream: whoever waits is told, and what is unsent
//! is handed back by [`Writable::destroy`] and [`Writable::end`].

pub use crate::handle::FutureOptions;
pub use crate::handle::future::{CorkGuard, Writable, Writer};
pub use crate::worker::Worker;

/// Makes a [`Writable`] and its [`Worker`].
///
/// ```
/// use futures::{executor::block_on, future::join, io::Cursor};
/// use highwater::{Flow, future::Writable};
///
/// let builder = Writable::builder().high_water_mark(1024);
/// let (mut out, worker) = builder.pair(Cursor::new(Vec::new()));
/// assert_eq!(out.write("a line\n")?, Flow::More);
/// let (done, ()) = block_on(join(out.end(), worker));
/// assert_eq!(done?.sink.into_inner(), b"a line\n");
/// # Ok::<_, highwater::BoxError>(())
/// ```
pub type Builder = crate::handle::Builder<FutureOptions>;
