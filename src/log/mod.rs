//! A log of lines that is written in the background, for `tracing-subscriber` or for any code
//! that has an [`io::Write`](std::io::Write): a [`Log`] owns the stream, and its [`LogWriter`]
//! is the `MakeWriter`.
//!
//! ```
//! use highwater::{Writable, log::Log};
//! use std::fs::{self, File};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("log");
//! # let file = path.clone();
//! // It appends: yesterday's lines stay, and a tool may cut the file (`copytruncate`).
//! let open = move || File::options().create(true).append(true).open(file);
//! let log = Log::builder()
//!     .stream(Writable::builder().high_water_mark(64 * 1024))
//!     .spawn_with(open)?;
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
//! - Nothing is lost: a thread that logs waits until there is room. [`WhenFull`] chooses
//!   otherwise: then the log drops lines, and [counts](Log::dropped) them.
//!   Every event is either accepted or counted, and
//!   [a line says](LogBuilder::report_dropped) how many were dropped.
//! - The sink sees whole lines: each of its calls ends at the end of an event. (If the sink
//!   takes only part of a call, the next call begins with the rest.) With
//!   [`records`](crate::Builder::records) each event has a call of its own, as a datagram
//!   socket needs.
//! - When the sink fails, the log calls [`on_error`](LogBuilder::on_error) once. The threads
//!   that log neither panic nor get an error; the log counts what they log from then on.
//!   What was accepted and not delivered comes back from [`Log::end`]. An error that time
//!   mends, as a full disk, need not be the end: see [`retry_if`](crate::Builder::retry_if).
//!
//! A sink, observer or handler that logs into its own log does not wait, as it
//! would wait for itself: these lines pass the high-water mark.
//!
//! # With the crate `log`
//!
//! `tracing_subscriber::fmt().init()` also takes what the macros of the crate `log` write. Without
//! `tracing-subscriber`, give a [`LogWriter`] to a logger that takes an
//! [`io::Write`](std::io::Write): with `env_logger` by
//! `.target(env_logger::Target::Pipe(Box::new(log.writer())))`.
//!
//! # What an exit loses
//!
//! Keep the `Log` until the end of `main`: dropping it writes what is left, also when a panic
//! drops it. What the log has accepted and the sink has not taken, up to the high-water mark,
//! is lost by
//!
//! | | instead |
//! | --- | --- |
//! | `std::process::exit`, which drops nothing | call [`Log::end`] before it |
//! | SIGTERM, SIGINT or SIGHUP without a handler | let a handler (of `signal-hook`, `tokio::signal`) end `main`, or call [`Log::end`] |
//! | `panic = "abort"`, `std::process::abort` | a panic hook that waits for [`LogWriter`]'s `flush`: it runs before the abort |
//! | SIGKILL, a crash of the system | wait for [`Log::flush`], over a [`sink::Durable`](crate::sink::Durable), where a line has to survive |
//! | a static that holds the `Log` | keep it in `main`; a subscriber in a static holds only the writer |
//!
//! A panic hook may run on the log's own thread, if the sink panics: `flush` returns an error
//! there and does not hang.
//!
//! A [`LogWriter`] lives as long as the program keeps it, so it can say after a panic of `main`
//! how many lines were dropped:
//!
//! ```
//! use highwater::log::Log;
//! use std::panic::{catch_unwind, resume_unwind};
//!
//! # fn serve(_: Log<Vec<u8>>) {}
//! let log = Log::builder().spawn(Vec::new())?;
//! let lines = log.writer();
//! let served = catch_unwind(|| serve(log));
//! if lines.dropped() > 0 {
//!     eprintln!("{} lines of the log were dropped", lines.dropped());
//! }
//! if let Err(panic) = served {
//!     resume_unwind(panic);
//! }
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! # After a fork
//!
//! A fork copies the stream, but not its thread. So a forked process that goes on without
//! `exec` has a log that goes nowhere: a line that it writes while there is room is accepted
//! and lost, as is all else that the copy holds. (The parent writes its own lines, each once.)
//! What would wait returns at once: a full log drops the line and counts it, a flush or an end
//! is an error ([`WaitError::Forked`](crate::WaitError::Forked)), a drop gives up. If another
//! thread was writing at the fork, the copy is destroyed instead, and counts all lines as
//! dropped. (A task that awaits there waits for ever: no executor survives a fork.) Make the log
//! after the fork, or a new one in the child.
//!
//! # Files
//!
//! - `File` opened with `append`: for tools that copy the log and cut it (`copytruncate`). A
//!   file opened without it goes on at its old place, and leaves a hole.
//! - [`sink::Reopen`](crate::sink::Reopen): for tools that move the log away.
//! - The rolling file of `tracing-appender` is a sink like any other, which begins a new file
//!   each day: `Log::builder().spawn(tracing_appender::rolling::daily("/var/log", "service"))`.
//!   Errors of its rotation go to stderr, and the old file goes on. The example `appender_log`
//!   is a whole program.
//! - A sink that buffers, as an encoder does, keeps the last lines until it is flushed: see
//!   [`flush_when_idle`](crate::Builder::flush_when_idle). A `BufWriter` is not needed: the
//!   log joins lines by itself.
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
