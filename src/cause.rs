//! Why a stream failed. The worker makes a cause of what the sink does
//! (`worker/unwind.rs`), and the stream keeps it (`stream/handoff.rs`).

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::error::Error;
use std::io;

use crate::machine::{Fault, codes};
use crate::sink::FileError;

/// Why a stream failed. Shared: every operation that fails because of it has
/// the same one.
///
/// ```
/// use highwater::Cause;
/// use std::io;
///
/// let cause = Cause::from(io::Error::from(io::ErrorKind::BrokenPipe));
/// assert_eq!(cause.code(), "EPIPE");
/// assert_eq!(cause.kind(), io::ErrorKind::BrokenPipe);
/// ```
///
/// # The system's error
///
/// `source()` of an error of this crate does not return the sink's error, as the text of that is
/// already in it: a chain would say it twice. [`Cause::io`] has it. An `io::Error` that is made of
/// such an error is the system's, if the sink failed with one; otherwise it holds the cause.
///
/// ```
/// use highwater::{Cause, Writable};
/// use std::io;
///
/// struct Full; // as /dev/full
///
/// impl io::Write for Full {
///     fn write(&mut self, _: &[u8]) -> io::Result<usize> {
///         Err(io::Error::from_raw_os_error(28))
///     }
///     fn flush(&mut self) -> io::Result<()> {
///         Ok(())
///     }
/// }
///
/// let error = Writable::builder().spawn(Full)?.end_with("hello").wait().expect_err("it is full");
/// let system = error.cause().and_then(Cause::io);
/// assert_eq!(system.and_then(io::Error::raw_os_error), Some(28));
/// assert_eq!(io::Error::from(error).raw_os_error(), Some(28));
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The sink failed, or could not be opened.
    #[error(transparent)]
    Io(Arc<io::Error>),
    /// Code of yours panicked. The text says whose, and has the message, as in `the sink panicked: no
    /// paper`: the sink, what opens it, `retry_if`, or what makes the trailers of a body.
    #[error("{0}")]
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

    /// Returns the kind of the sink's error, `BrokenPipe` if the reader has left, `Other` otherwise.
    ///
    /// ```
    /// use highwater::Cause;
    /// use std::io;
    ///
    /// let full = Cause::from(io::Error::from(io::ErrorKind::StorageFull));
    /// assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    /// ```
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Io(error) => error.kind(),
            Self::ReaderLeft { .. } => io::ErrorKind::BrokenPipe,
            _ => io::ErrorKind::Other,
        }
    }

    /// Returns the system's name of an I/O error (`EPIPE`, `ENOSPC`, `EMSGSIZE`, …), Node's
    /// code of a fault, `PANIC` for a panic, `EPIPE` if the reader has left, `ABORT_ERR`
    /// otherwise. The name of an error that
    /// wraps another is that of the inner one. Windows has no such names: there it is that of
    /// the error's kind. `UNKNOWN` if there is none.
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

    /// The system's error as it is, and any other with this cause in it.
    pub(crate) fn to_io(&self) -> io::Error {
        match self.io().and_then(io::Error::raw_os_error) {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::new(self.kind(), self.clone()),
        }
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// The system's name of an error: by its number, else that of the error within it, else by
/// its kind.
pub(crate) fn io_code(error: &io::Error) -> &'static str {
    let number = error.raw_os_error();
    if let Some(name) = number.and_then(system_name) {
        return name;
    }
    let within = error.get_ref();
    let mut within = within.map(|error| -> &(dyn Error + 'static) { error });
    while let Some(error) = within {
        if let Some(cause) = error.downcast_ref::<Cause>() {
            // The sink is another stream.
            return cause.code();
        }
        if let Some(error) = error.downcast_ref::<FileError>() {
            return io_code(error.error());
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return io_code(error);
        }
        within = error.source();
    }
    kind_name(error.kind())
}

/// The name of an error by its number, which other systems give to other errors. A name is
/// made at the first error that has it, and kept.
#[cfg(unix)]
fn system_name(number: i32) -> Option<&'static str> {
    use alloc::{format, string::String};
    use nix::errno::Errno;
    use std::sync::OnceLock;

    static NAMES: [OnceLock<String>; 256] = [const { OnceLock::new() }; 256];
    let errno = Errno::from_raw(number);
    let name = NAMES.get(usize::try_from(number).ok()?)?;
    let known = errno != Errno::UnknownErrno;
    known.then(|| name.get_or_init(|| format!("{errno:?}")).as_str())
}

#[cfg(not(unix))]
fn system_name(_: i32) -> Option<&'static str> {
    None
}

/// The name of the errors of this kind, for an error without a number, and for a system
/// whose numbers have no such names.
fn kind_name(kind: io::ErrorKind) -> &'static str {
    use io::ErrorKind as Kind;
    match kind {
        Kind::AddrInUse => "EADDRINUSE",
        Kind::AddrNotAvailable => "EADDRNOTAVAIL",
        Kind::AlreadyExists => "EEXIST",
        Kind::ArgumentListTooLong => "E2BIG",
        Kind::BrokenPipe => "EPIPE",
        Kind::ConnectionAborted => "ECONNABORTED",
        Kind::ConnectionRefused => "ECONNREFUSED",
        Kind::ConnectionReset => "ECONNRESET",
        Kind::CrossesDevices => "EXDEV",
        Kind::Deadlock => "EDEADLK",
        Kind::DirectoryNotEmpty => "ENOTEMPTY",
        Kind::ExecutableFileBusy => "ETXTBSY",
        Kind::FileTooLarge => "EFBIG",
        Kind::HostUnreachable => "EHOSTUNREACH",
        Kind::Interrupted => "EINTR",
        Kind::InvalidInput => "EINVAL",
        Kind::IsADirectory => "EISDIR",
        Kind::NetworkDown => "ENETDOWN",
        Kind::NetworkUnreachable => "ENETUNREACH",
        Kind::NotADirectory => "ENOTDIR",
        Kind::NotConnected => "ENOTCONN",
        Kind::NotFound => "ENOENT",
        Kind::NotSeekable => "ESPIPE",
        Kind::OutOfMemory => "ENOMEM",
        Kind::PermissionDenied => "EACCES",
        Kind::QuotaExceeded => "EDQUOT",
        Kind::ReadOnlyFilesystem => "EROFS",
        Kind::ResourceBusy => "EBUSY",
        Kind::StaleNetworkFileHandle => "ESTALE",
        Kind::StorageFull => "ENOSPC",
        Kind::TimedOut => "ETIMEDOUT",
        Kind::TooManyLinks => "EMLINK",
        Kind::Unsupported => "ENOTSUP",
        Kind::WouldBlock => "EAGAIN",
        _ => codes::UNKNOWN,
    }
}
