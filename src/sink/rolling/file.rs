//! The file that rotates.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::compress::Compressor;
use super::period::Period;
use super::status::{RollingStatus, Shared};
use crate::sink::file_error::FileError;

/// A file that rotates: once it is full, or its hour or day is over, it becomes an old file, and
/// the log goes on in a new one under the same path.
///
/// The old file of `log` is `log.0000001`, the next one `log.0000002`: the highest number is the
/// newest. A rotation is one rename, and no old file ever changes its name. All files of the
/// folder with such a name, with an extension or without, belong to the sink: it counts and
/// deletes them.
///
/// # What is promised
///
/// - *A record is a call of [`write`](Write::write)*, and no record is torn between two files: the
///   sink rotates between two calls only. If the system takes a part of a call, the rest goes to
///   the same file. A [`Log`](crate#which-one-when) and a [`Writable`](crate::Writable) call the
///   sink with whole writes, several in a call. So it is safe over each of these; over a
///   `BufWriter`, which cuts anywhere, it is not.
/// - *A rotation that fails* stops no line: the log goes on in the old file, past its limit. The
///   sink calls [`on_error`](super::RollingFileBuilder::on_error), and tries again at the first write
///   [a second](super::RollingFileBuilder::retry_after) later. A write that fails is the caller's: the
///   stream gets the error.
/// - *A crash of the program* at any moment loses nothing that the sink has taken, as it buffers
///   nothing, and tears no line but the one being written. The next start goes on where it
///   stopped: in the same file if its hour or day is not over and it is not full, else it rotates
///   at the first write. A file that was renamed just before the crash is an old file. The hour or
///   day of a file is that of its last change.
/// - *A crash of the system* may lose what was not synced; this sink never syncs. See
///   [`Durable`](crate::sink::Durable).
/// - *`copytruncate`, and other tools that move or cut the file*: one tool rotates, this or the
///   other. Take [`Reopen`](crate::sink::Reopen) for `logrotate`. If the file is cut, the log goes on at
///   its new beginning, and rotates too early. If it is moved or deleted, lines go on to follow it
///   until the next rotation.
/// - *Several processes on one path* are not supported. Each would rename the file under the
///   other, which would go on in an old file, and may count as complete what the other still
///   writes. Give each process a path of its own.
/// - *On Windows* a rename is refused while another program has the file open without leave for
///   that, such as a viewer: this is a rotation that fails, as above.
///
/// ```
/// use highwater::log::Log;
/// use highwater::sink::RollingFile;
/// use std::io::Write;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("log");
/// let file = RollingFile::builder(&path).max_bytes(1024).keep(3).open()?;
/// let status = file.status();
/// let log = Log::builder().spawn(file)?;
/// for n in 0..1000 {
///     writeln!(log.writer(), "line {n}")?;
///     log.flush().wait()?; // else many lines are one call, and one file
/// }
/// log.end().wait()?;
/// assert_eq!(status.rotations(), 8);
/// assert!(folder.path().join("log.0000008").exists());
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Debug)]
pub struct RollingFile {
    pub(super) file: File,
    /// How long the file is, in bytes.
    pub(super) len: u64,
    /// The hour or day of the file.
    pub(super) period: i64,
    pub(super) limits: Limits,
    /// How many bytes of a call the file has not taken yet. They come first, in the next calls.
    pub(super) owed: usize,
    /// When a rotation has failed, if the last one did.
    pub(super) failed: Option<Instant>,
    pub(super) shared: Arc<Shared>,
    pub(super) compressor: Option<Compressor>,
}

/// What a builder sets.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) max_bytes: Option<u64>,
    pub(super) period: Period,
    pub(super) keep: Option<usize>,
    pub(super) retry_after: Duration,
}

impl RollingFile {
    /// Returns a handle that says what the sink has done.
    ///
    /// [`RollingStatus`] has an example.
    #[must_use]
    pub fn status(&self) -> RollingStatus {
        RollingStatus {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Rotates before a call, if its `incoming` bytes belong to the next file.
    fn prepare(&mut self, incoming: usize) {
        let now = self.limits.period.now();
        if self.len == 0 {
            self.period = now; // an empty file is of any hour
            return;
        }
        let after = self.len.saturating_add(incoming as u64);
        let is_full = self.limits.max_bytes.is_some_and(|max| after > max);
        if !is_full && now == self.period {
            return;
        }
        let waits = |failed: Instant| failed.elapsed() < self.limits.retry_after;
        if self.failed.is_some_and(waits) {
            return;
        }
        match self.rotate() {
            Ok(()) => {
                self.period = now;
                self.failed = None;
                self.tidy();
            }
            // A log that is too long is better than none: the old file goes on.
            Err(error) => {
                self.failed = Some(Instant::now());
                self.shared.fail(&error);
            }
        }
    }

    /// Renames the file, and opens a new one. If only the first succeeds, the next try begins
    /// with the second.
    fn rotate(&mut self) -> Result<(), FileError> {
        let shared = &self.shared;
        let complete = shared.complete.load(Ordering::Acquire);
        if shared.moved.load(Ordering::Acquire) == 0 {
            let number = shared.names.next(complete)?;
            if rename(shared.names.path(), &shared.names.old(number))? {
                shared.moved.store(number, Ordering::Release);
            }
        }
        let path = shared.names.path();
        let opened = open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        (self.len, self.file) = opened.map_err(|error| FileError::new("open", path, error))?;
        let old = shared.moved.swap(0, Ordering::AcqRel);
        shared.complete.store(complete.max(old), Ordering::Release);
        shared.rotations.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Deletes the old files that are too many, and has the others compressed.
    pub(super) fn tidy(&self) {
        if let Some(keep) = self.limits.keep {
            match self.shared.names.old_files() {
                Ok(files) => {
                    for path in files.into_values().rev().skip(keep).flatten() {
                        self.delete(path);
                    }
                }
                Err(error) => self.shared.fail(&error),
            }
        }
        if let Some(compressor) = &self.compressor {
            compressor.wake();
        }
    }

    fn delete(&self, path: PathBuf) {
        match fs::remove_file(&path) {
            // What compresses it may have replaced it meanwhile.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.shared.fail(&FileError::new("delete", path, error));
            }
            _ => {}
        }
    }

    /// Remembers how many bytes the file took of those that it was given.
    fn took(&mut self, given: usize, count: usize) {
        self.len = self.len.saturating_add(count as u64);
        self.owed = self.owed.max(given).saturating_sub(count);
    }
}

/// Opens a file for appending, and creates it if there is none.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Returns whether there was a file to rename: another program may have moved it away.
fn rename(from: &Path, to: &Path) -> Result<bool, FileError> {
    let renamed = match fs::symlink_metadata(from) {
        Ok(found) if !found.is_file() => Err(io::Error::other("it is not a file any more")),
        Ok(_) => fs::rename(from, to),
        Err(error) => Err(error),
    };
    match renamed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::new("rename", from, error)),
    }
}

impl Write for RollingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = match self.owed {
            0 => {
                self.prepare(bytes.len());
                bytes
            }
            owed => bytes.get(..owed).unwrap_or(bytes),
        };
        let count = self.file.write(bytes)?;
        self.took(bytes.len(), count);
        Ok(count)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.owed > 0 {
            let first = slices.iter().find(|slice| !slice.is_empty());
            return first.map_or(Ok(0), |first| self.write(first));
        }
        let lens = slices.iter().map(|slice| slice.len());
        let given = lens.fold(0, usize::saturating_add);
        self.prepare(given);
        let count = self.file.write_vectored(slices)?;
        self.took(given, count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
