//! Why a stream failed. The worker makes a cause of what the sink does
//! (`worker/unwind.rs`), and the stream keeps it (`stream/handoff.rs`).

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::error::Error;
use std::io;

use crate::machine::{Fault, codes};

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
    /// The worker of the stream was dropped before the stream was closed: by hand, or as its
    /// runtime shut down.
    #[error("the worker of the stream was dropped, {undelivered} bytes were not delivered")]
    WorkerDropped {
        /// How many bytes were accepted and not delivered.
        undelivered: u64,
    },
    /// The reader dropped the [`Body`](crate::Builder#method.body) before it had everything.
    #[error("the reader has left, {undelivered} bytes were not delivered")]
    ReaderLeft {
        /// How many bytes were accepted and not delivered.
        undelivered: u64,
    },
    /// The stream was destroyed with this reason, or the worker found it at fault.
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
    /// rare one), Node's code of a fault, `PANIC` for a panic, `EPIPE` if the reader has left,
    /// `ABORT_ERR` otherwise.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(error) => io_code(error),
            Self::Panic(_) => codes::PANIC,
            Self::ReaderLeft { .. } => "EPIPE",
            Self::Reason(_) | Self::WorkerDropped { .. } => codes::ABORTED,
            Self::Fault(fault) => fault.code().unwrap_or(codes::UNKNOWN),
        }
    }

    /// A reason in words.
    pub(crate) fn reason(text: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Reason(text.into().into())
    }

    pub(crate) fn to_io(&self) -> io::Error {
        let kind = match self {
            Self::Io(error) => error.kind(),
            Self::ReaderLeft { .. } => io::ErrorKind::BrokenPipe,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self.clone())
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// The system's name of an error.
pub(crate) fn io_code(error: &io::Error) -> &'static str {
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
        Kind::Deadlock => "EDEADLK",
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
