//! Log lines of `tracing-subscriber`, written in the background: a [`Log`] owns
//! the stream, its [`LogWriter`] is the `MakeWriter`.
//!
//! ```
//! use highwater::{Writable, log::Log};
//! use std::fs::{self, File};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("log");
//! # let file = path.clone();
//! let log = Log::builder()
//!     .stream(Writable::builder().high_water_mark(64 * 1024))
//!     .spawn_with(move || File::create(file))?;
//! let subscriber = tracing_subscriber::fmt()
//!     .with_writer(log.writer())
//!     .with_ansi(false)
//!     .finish();
//! tracing::subscriber::with_default(subscriber, || {
//!     tracing::info!("hello");
//! });
//! log.end().wait()?; // or drop it: both wait until all is written
//! assert!(fs::read_to_string(path)?.ends_with("hello\n"));
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! # What is promised
//!
//! - An event is one accepted write: lines of several threads do not mix, and
//!   those of one thread keep their order.
//! - Nothing is lost: a thread that logs waits until there is room. With
//!   [`WhenFull::Drop`] the log loses lines instead, and [counts](Log::dropped) them.
//!   Every event is either accepted or counted.
//! - When the sink fails, the log calls [`on_error`](LogBuilder::on_error) once. The threads
//!   that log neither panic nor get an error; the log counts what they log from then on.
//!   What was accepted and not delivered comes back from [`Log::end`].
//! - Keep the `Log` until the end of `main`: dropping it writes what is left.
//!   `std::process::exit` drops nothing, so call [`Log::end`] before it.
//!
//! A sink, observer or handler that logs into its own log does not wait, as it
//! would wait for itself: these lines pass the high-water mark.

//!
//! # Layout
//!
//! `owner.rs` the log · `builder.rs` how it is made · `when_full.rs` what it does when it is
//! full · `writer.rs` its producers: each line is accepted, or counted.

mod builder;
mod owner;
mod when_full;
mod writer;

pub use builder::LogBuilder;
pub use owner::Log;
pub use when_full::WhenFull;
pub use writer::LogWriter;
