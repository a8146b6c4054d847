//! Errors: one type per operation, the cause kept, nothing lost.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::error::Error;
use core::fmt;
use std::io;

use crate::Chunk;
use crate::adapter::outcome::Remains;
use crate::machine::{Fault, codes};
use crate::thread::Writable;

/// Why a stream failed. Shared: every operation that fails because of it has
/// the same one.
///
/// ```
/// use highwater::Cause;
/// use std::io;
///
/// let cause = Cause::from(io::Error::from(io::ErrorKind::BrokenPipe));
/// assert_eq!(cause.code(), "EPIPE");
/// assert_eq!(cause.io().map(io::Error::kind), Some(io::ErrorKind::BrokenPipe));
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The sink failed, or could not be opened.
    #[error(transparent)]
    Io(Arc<io::Error>),
    /// The sink panicked, with this message.
    #[error("the sink panicked: {0}")]
    Panic(Arc<str>),
    /// The stream was destroyed with this reason.
    #[error(transparent)]
    Reason(Arc<dyn Error + Send + Sync>),
    /// The stream itself found a fault.
    #[error(transparent)]
    Fault(Fault),
}

impl Cause {
    /// The error of the sink, if it was that.
    #[must_use]
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }

    /// The system's code of an I/O error (`EPIPE`, `ENOSPC`, …; `UNKNOWN` for a
    /// rare one), Node's code of a fault, `PANIC` or `ABORT_ERR` otherwise.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(error) => io_code(error),
            Self::Panic(_) => codes::PANIC,
            Self::Reason(_) => codes::ABORTED,
            Self::Fault(fault) => fault.code().unwrap_or(codes::UNKNOWN),
        }
    }

    fn to_io(&self) -> io::Error {
        let kind = self.io().map_or(io::ErrorKind::Other, io::Error::kind);
        io::Error::new(kind, self.clone())
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

fn io_code(error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    // What no kind tells apart; these numbers are the same on every Unix.
    match error.raw_os_error() {
        Some(1) if cfg!(unix) => return "EPERM",
        Some(5) if cfg!(unix) => return "EIO",
        Some(6) if cfg!(unix) => return "ENXIO",
        Some(9) if cfg!(unix) => return "EBADF",
        Some(23) if cfg!(unix) => return "ENFILE",
        Some(24) if cfg!(unix) => return "EMFILE",
        _ => {}
    }
    match error.kind() {
        Kind::NotFound => "ENOENT",
        Kind::PermissionDenied => "EACCES",
        Kind::AlreadyExists => "EEXIST",
        Kind::IsADirectory => "EISDIR",
        Kind::NotADirectory => "ENOTDIR",
        Kind::ReadOnlyFilesystem => "EROFS",
        Kind::StorageFull => "ENOSPC",
        Kind::QuotaExceeded => "EDQUOT",
        Kind::FileTooLarge => "EFBIG",
        Kind::OutOfMemory => "ENOMEM",
        Kind::InvalidInput => "EINVAL",
        Kind::Interrupted => "EINTR",
        Kind::WouldBlock => "EAGAIN",
        Kind::BrokenPipe => "EPIPE",
        Kind::ConnectionRefused => "ECONNREFUSED",
        Kind::ConnectionReset => "ECONNRESET",
        Kind::ConnectionAborted => "ECONNABORTED",
        Kind::NotConnected => "ENOTCONN",
        Kind::AddrInUse => "EADDRINUSE",
        Kind::TimedOut => "ETIMEDOUT",
        Kind::HostUnreachable => "EHOSTUNREACH",
        Kind::NetworkUnreachable => "ENETUNREACH",
        _ => codes::UNKNOWN,
    }
}

/// A write was refused: the chunk was not accepted, and is handed back.
/// (A borrowed chunk needs no handing back: then `C` is `()`.)
///
/// ```
/// use highwater::{Writable, WriteError};
///
/// let out = Writable::builder().spawn(Vec::new())?;
/// let late = out.writer();
/// out.end()?;
/// let refused = late.write_owned("too late").expect_err("the stream has ended");
/// assert_eq!(refused.code(), "ERR_STREAM_WRITE_AFTER_END");
/// assert_eq!(refused.into_chunk().as_ref(), b"too late");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError<C = ()> {
    /// The stream has been ended.
    #[error("write after end")]
    AfterEnd {
        /// What was not accepted.
        chunk: C,
    },
    /// The stream has been destroyed.
    #[error("the stream was destroyed")]
    Destroyed {
        /// What was not accepted.
        chunk: C,
    },
    /// The stream has failed.
    #[error("the stream failed")]
    Failed {
        /// What was not accepted.
        chunk: C,
        /// Why the stream failed.
        #[source]
        cause: Cause,
    },
    /// The chunk would pass the limit of the length.
    #[error("the chunk would pass the limit of {limit} bytes")]
    TooLong {
        /// What was not accepted.
        chunk: C,
        /// The limit, in bytes.
        limit: u64,
    },
}

impl<C> WriteError<C> {
    /// Node's code (`ERR_STREAM_…`), that of the cause, or `TOO_LONG`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AfterEnd { .. } => codes::WRITE_AFTER_END,
            Self::Destroyed { .. } => codes::DESTROYED,
            Self::Failed { cause, .. } => cause.code(),
            Self::TooLong { .. } => codes::TOO_LONG,
        }
    }

    /// What was not accepted.
    pub fn into_chunk(self) -> C {
        match self {
            Self::AfterEnd { chunk }
            | Self::Destroyed { chunk }
            | Self::Failed { chunk, .. }
            | Self::TooLong { chunk, .. } => chunk,
        }
    }

    pub(crate) fn map<D>(self, f: impl FnOnce(C) -> D) -> WriteError<D> {
        match self {
            Self::AfterEnd { chunk } => WriteError::AfterEnd { chunk: f(chunk) },
            Self::Destroyed { chunk } => WriteError::Destroyed { chunk: f(chunk) },
            Self::Failed { chunk, cause } => WriteError::Failed {
                chunk: f(chunk),
                cause,
            },
            Self::TooLong { chunk, limit } => WriteError::TooLong {
                chunk: f(chunk),
                limit,
            },
        }
    }
}

impl<C> From<WriteError<C>> for io::Error {
    fn from(error: WriteError<C>) -> Self {
        let error = error.map(drop);
        match &error {
            WriteError::Failed { cause, .. } => cause.to_io(),
            WriteError::TooLong { .. } => io::Error::new(io::ErrorKind::InvalidInput, error),
            _ => io::Error::new(io::ErrorKind::BrokenPipe, error),
        }
    }
}

/// What was waited for will not come.
///
/// ```
/// use highwater::{WaitError, Writable};
///
/// let out = Writable::builder().spawn(Vec::new())?;
/// let writer = out.writer();
/// out.end()?;
/// assert!(matches!(writer.wait_drain(), Err(WaitError::Ended)));
/// assert!(matches!(writer.wait_written(1), Err(WaitError::NotAccepted { .. })));
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The stream has been ended: no 'drain' will be told, nothing is accepted.
    #[error("the stream has ended")]
    Ended,
    /// The stream has been destroyed.
    #[error("the stream was destroyed")]
    Destroyed,
    /// The stream has failed.
    #[error("the stream failed")]
    Failed(#[source] Cause),
    /// It did not come in time.
    #[error("it did not come in time")]
    TimedOut,
    /// So much has not been accepted yet.
    #[error("position {position} is past what was accepted, {accepted} bytes")]
    NotAccepted {
        /// The position asked for, in bytes.
        position: u64,
        /// The position of the stream, in bytes.
        accepted: u64,
    },
}

impl WaitError {
    /// Node's code, that of the cause, `ETIMEDOUT`, or `ERR_OUT_OF_RANGE`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ended => codes::WRITE_AFTER_END,
            Self::Destroyed => codes::DESTROYED,
            Self::Failed(cause) => cause.code(),
            Self::TimedOut => "ETIMEDOUT",
            Self::NotAccepted { .. } => codes::OUT_OF_RANGE,
        }
    }
}

impl From<WaitError> for io::Error {
    fn from(error: WaitError) -> Self {
        match &error {
            WaitError::Failed(cause) => cause.to_io(),
            WaitError::TimedOut => io::Error::new(io::ErrorKind::TimedOut, error),
            WaitError::NotAccepted { .. } => io::Error::new(io::ErrorKind::InvalidInput, error),
            _ => io::Error::new(io::ErrorKind::BrokenPipe, error),
        }
    }
}

/// The stream could not be ended.
///
/// It holds the sink, so it can go into a `Box<dyn Error + Send + Sync>` if the
/// sink could; into an [`io::Error`], with the cause, it always can.
///
/// ```
/// use highwater::{EndError, Writable};
/// use std::fs::File;
///
/// let mut out = Writable::builder().open(|| File::create("/no/such/folder/file"))?;
/// let _ = out.write("hello");
/// if let Err(EndError::Failed { cause, remains, .. }) = out.end() {
///     assert_eq!(cause.code(), "ENOENT");
///     let unsent: usize = remains.unsent.iter().map(|chunk| chunk.len()).sum();
///     assert_eq!(unsent as u64, remains.totals.accepted);
/// }
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum EndError<W, S = Writable<W>> {
    /// It failed, before or now. What was not delivered is handed back.
    #[error("the stream failed")]
    Failed {
        /// Why.
        #[source]
        cause: Cause,
        /// The last chunk, if there was one and it was not accepted.
        refused: Option<Chunk>,
        /// The sink, and what was accepted and not delivered.
        remains: Box<Remains<W>>,
    },
    /// The last chunk was not accepted: it would pass the limit, or an end
    /// before (that timed out) was the end. The stream is handed back.
    #[error("the last chunk was refused")]
    Refused {
        /// The stream.
        stream: S,
        /// Why, and the chunk.
        #[source]
        error: WriteError<Chunk>,
    },
    /// It has ended but was not through in time. It is handed back: end it
    /// again to go on waiting, or destroy it. Dropped, it goes on by itself,
    /// and nobody waits for it.
    #[error("the stream did not finish in time")]
    TimedOut(S),
}

impl<W, S> EndError<W, S> {
    /// The code of the cause, `TOO_LONG`, or `ETIMEDOUT`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Failed { cause, .. } => cause.code(),
            Self::Refused { error, .. } => error.code(),
            Self::TimedOut(_) => "ETIMEDOUT",
        }
    }

    /// Why the stream failed, if it did.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Failed { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

impl<W, S> From<EndError<W, S>> for io::Error {
    fn from(error: EndError<W, S>) -> Self {
        match error {
            EndError::Failed { cause, .. } => cause.to_io(),
            EndError::Refused { error, .. } => error.into(),
            EndError::TimedOut(_) => WaitError::TimedOut.into(),
        }
    }
}

/// The worker of a stream, its thread or its task, could not be started; the sink is
/// handed back.
///
/// ```
/// let builder = highwater::Writable::builder().thread_name("no\0name");
/// let error = builder.spawn(vec![1, 2, 3]).expect_err("no thread has such a name");
/// assert_eq!((error.code(), error.sink), ("EINVAL", vec![1, 2, 3]));
/// ```
#[derive(thiserror::Error)]
#[error("the worker of the stream could not be started")]
#[non_exhaustive]
pub struct SpawnError<T> {
    /// The system's error.
    pub source: io::Error,
    /// What the stream was to write to.
    pub sink: T,
}

impl<T> SpawnError<T> {
    /// The system's code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        io_code(&self.source)
    }
}

impl<T> fmt::Debug for SpawnError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnError")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl<T> From<SpawnError<T>> for io::Error {
    fn from(error: SpawnError<T>) -> Self {
        error.source
    }
}

/// A source could not be piped into the stream to its end.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PipeError<W> {
    /// The source failed; the stream was destroyed, with this as the reason.
    #[error("the source failed")]
    Read {
        /// The error of the source.
        source: Arc<io::Error>,
        /// The sink, and what was accepted and not delivered.
        remains: Box<Remains<W>>,
    },
    /// The stream failed.
    #[error("the stream failed")]
    Write {
        /// Why.
        #[source]
        cause: Cause,
        /// What was read and not accepted.
        refused: Option<Chunk>,
        /// The sink, and what was accepted and not delivered.
        remains: Box<Remains<W>>,
    },
}

impl<W> PipeError<W> {
    /// The code of the error of the source, or of the stream.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { source, .. } => io_code(source),
            Self::Write { cause, .. } => cause.code(),
        }
    }

    pub(crate) fn from_end(error: EndError<W>) -> Self {
        let (cause, remains) = match error {
            EndError::Failed { cause, remains, .. } => (cause, remains),
            // Not without a last chunk, or a time-out; whatever it was, the
            // stream is here, and what it holds is handed back.
            EndError::Refused { stream, .. } | EndError::TimedOut(stream) => {
                (Cause::Fault(Fault::Destroyed), Box::new(stream.destroy()))
            }
        };
        Self::Write {
            cause,
            refused: None,
            remains,
        }
    }
}

impl<W> From<PipeError<W>> for io::Error {
    fn from(error: PipeError<W>) -> Self {
        match error {
            PipeError::Read { source, .. } => Cause::Io(source).to_io(),
            PipeError::Write { cause, .. } => cause.to_io(),
        }
    }
}

// By hand, so that a sink need not be `Debug`.

impl<W, S> fmt::Debug for EndError<W, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { cause, remains, .. } => f
                .debug_struct("Failed")
                .field("cause", cause)
                .field("remains", remains)
                .finish_non_exhaustive(),
            Self::Refused { error, .. } => f.debug_tuple("Refused").field(error).finish(),
            Self::TimedOut(_) => f.debug_tuple("TimedOut").finish_non_exhaustive(),
        }
    }
}

impl<W> fmt::Debug for PipeError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, error, remains): (_, &dyn fmt::Debug, _) = match self {
            Self::Read { source, remains } => ("Read", source, remains),
            Self::Write { cause, remains, .. } => ("Write", cause, remains),
        };
        f.debug_struct(name)
            .field("error", error)
            .field("remains", remains)
            .finish_non_exhaustive()
    }
}
