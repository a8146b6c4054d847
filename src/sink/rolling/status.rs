//! What a file that rotates has done.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use std::path::PathBuf;

use super::names::Names;
use crate::sink::file_error::{FileError, OnError};

/// Says what a [`RollingFile`](super::RollingFile) has done. Cheap to clone.
///
/// ```
/// use highwater::sink::RollingFile;
/// use std::io::Write;
///
/// # let folder = tempfile::tempdir()?;
/// let mut file = RollingFile::builder(folder.path().join("log")).max_bytes(12).open()?;
/// let status = file.status();
/// file.write_all(b"one\ntwo\n")?;
/// file.write_all(b"three\n")?; // has no room beside the other two
/// assert_eq!((status.rotations(), status.failures()), (1, 0));
/// assert_eq!(status.path().file_name(), Some("log".as_ref()));
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RollingStatus {
    pub(super) shared: Arc<Shared>,
}

impl RollingStatus {
    /// Returns how many times the log went on in a new file.
    #[must_use]
    pub fn rotations(&self) -> u64 {
        self.shared.rotations.load(Ordering::Relaxed)
    }

    /// Returns how many times something failed. Each time the sink has called
    /// [`on_error`](super::RollingFileBuilder::on_error).
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.shared.failures.load(Ordering::Relaxed)
    }

    /// Returns the absolute path of the file that gets the lines. It is the path of an old file if
    /// that was renamed and the new one could not be opened.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self.shared.moved.load(Ordering::Acquire) {
            0 => self.shared.names.path().into(),
            moved => self.shared.names.old(moved),
        }
    }
}

/// What the sink, its status and the thread that compresses share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) names: Names,
    pub(super) rotations: AtomicU64,
    failures: AtomicU64,
    /// The number of the file that gets the lines, if it was renamed and the new one could not
    /// be opened. Else 0.
    pub(super) moved: AtomicU64,
    /// Old files up to this number get no more lines.
    pub(super) complete: AtomicU64,
    on_error: OnError,
}

impl Shared {
    pub(super) fn new(names: Names, complete: u64, on_error: OnError) -> Self {
        Self {
            names,
            rotations: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            complete: AtomicU64::new(complete),
            on_error,
        }
    }

    pub(super) fn fail(&self, error: &FileError) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.on_error.tell(error);
    }
}
