//! Why an operation failed, and Node's code of that.

use super::codes;

/// Which error it was. The errors themselves stay with the driver: the machine only carries the
/// number that it got, and gives it back.
///
/// ```
/// use highwater::machine::ErrorId;
///
/// let disk_full = ErrorId(7);
/// assert_eq!(disk_full.0, 7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // a number is all it will ever be
pub struct ErrorId(pub u32);

/// Why an operation failed.
///
/// ```
/// use highwater::machine::{ErrorId, Fault};
///
/// assert_eq!(Fault::WriteAfterEnd.code(), Some("ERR_STREAM_WRITE_AFTER_END"));
/// assert_eq!(Fault::Caller(ErrorId(1)).code(), None); // its maker knows the code
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[allow(clippy::exhaustive_enums)] // a driver matches all of them
pub enum Fault {
    /// An error that came from outside: from the sink, a hook, or `destroy(error)`.
    #[error("error {}", .0.0)]
    Caller(ErrorId),
    /// `write()` after `end()` (rule 1).
    #[error("write after end")]
    WriteAfterEnd,
    /// The stream was destroyed before the operation was done (rules 1, 13, 17).
    #[error("the stream was destroyed")]
    Destroyed,
    /// `end()` after 'finish' (rule 13).
    #[error("the stream has already finished")]
    AlreadyFinished,
    /// The sink, or a hook, answered when no answer was due (rules 6, 15, 20).
    #[error("an answer came when none was due")]
    MultipleCallback,
    /// The chunk would pass the limit of the length (rule 1).
    #[error("the chunk would pass the limit of the length")]
    TooLong,
    /// The options ask for batches and the sink takes none
    /// ([`Options::with_batches`](super::Options::with_batches)). The machine never
    /// says so: a driver answers the batch with it.
    #[error("the options ask for batches and the sink takes none")]
    NotImplemented,
}

impl Fault {
    /// Node's code; `TOO_LONG` for what Node does not know; `None` for a
    /// caller's error, whose code its maker knows.
    #[must_use]
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::Caller(_) => None,
            Self::WriteAfterEnd => Some(codes::WRITE_AFTER_END),
            Self::Destroyed => Some(codes::DESTROYED),
            Self::AlreadyFinished => Some(codes::ALREADY_FINISHED),
            Self::MultipleCallback => Some(codes::MULTIPLE_CALLBACK),
            Self::TooLong => Some(codes::TOO_LONG),
            Self::NotImplemented => Some(codes::METHOD_NOT_IMPLEMENTED),
        }
    }
}
