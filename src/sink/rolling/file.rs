//! The file that rotates.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::compress::Compressor;
use super::lines::Lines;
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
/// - *A rotation falls at a line end.* If the file ends within a line, the bytes up to the next
///   line feed still go to it. Of a call that would pass
///   [`max_bytes`](super::RollingFileBuilder::max_bytes), the sink takes the lines that still fit, at
///   least one, by a short write; the next call rotates first. So no line is torn between two
///   files, over a [`Log`](crate#which-one-when), a [`Writable`](crate::Writable) or a `BufWriter`,
///   in calls of any size. An event of several lines may go on in the next file.
/// - *Data without a line feed* also rotates: once the file has more than `max_bytes` of one line,
///   the sink rotates within that line.
/// - *A rotation that fails* stops no line: the log goes on in the old file, past its limit. The
///   sink calls [`on_error`](super::RollingFileBuilder::on_error), and tries again at the first write
///   [a second](super::RollingFileBuilder::retry_after) later. A write that fails is the caller's: the
///   stream gets the error.
/// - *A crash of the program* at any moment loses nothing that the sink has taken, as it buffers
///   nothing, and tears no line but the one being written. The next start goes on where it
///   stopped: in the same file if its hour or day is not over and it is not full, else it rotates
///   before the first line. If the file ends within a line, what is written first ends that line:
///   a program that has crashed may write a line feed. A file that was renamed just before the
///   crash is an old file. The hour or day of a file is that of its last change.
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
    /// How many of these stand behind its last line feed.
    pub(super) unfinished: u64,
    /// The hour or day of the file.
    pub(super) period: i64,
    pub(super) limits: Limits,
    /// How many bytes the file was given and has not taken yet. They come first, in the next calls,
    /// and end a line that may be longer than a file.
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

    /// Rotates before a call, if its first line belongs to the next file. Returns how many bytes
    /// of the call the file gets.
    fn prepare(&mut self, lines: Lines<'_>) -> usize {
        let given = lines.len();
        if self.owed > 0 {
            return self.owed.min(given);
        }
        let now = self.limits.period.now();
        if self.len == 0 {
            self.period = now; // an empty file is of any hour
        }
        if now == self.period && self.has_room(given) {
            return given;
        }
        let line = lines.first();
        let is_over = now != self.period || !self.has_room(line);
        if self.is_at_line_end() && self.len > 0 && is_over && !self.go_on(now) {
            return given;
        }
        if now != self.period {
            return line;
        }
        match self.room(given) {
            room if room == given => given,
            room => lines.whole(room).max(line),
        }
    }

    /// Whether a line begins here; also where one that is longer than a file is cut.
    fn is_at_line_end(&self) -> bool {
        let max = self.limits.max_bytes;
        self.unfinished == 0 || max.is_some_and(|max| self.unfinished > max)
    }

    fn has_room(&self, count: usize) -> bool {
        self.room(count) == count
    }

    /// How many of the next `count` bytes fit into the file.
    fn room(&self, count: usize) -> usize {
        let room = self
            .limits
            .max_bytes
            .map(|max| max.saturating_sub(self.len));
        let room = room.map(|room| usize::try_from(room).unwrap_or(usize::MAX));
        room.map_or(count, |room| room.min(count))
    }

    /// Goes on in a new file. Returns `false` if that fails, or has failed a moment ago: a log that
    /// is too long is better than none, so the old file gets all.
    fn go_on(&mut self, now: i64) -> bool {
        let waits = |failed: Instant| failed.elapsed() < self.limits.retry_after;
        if self.failed.is_some_and(waits) {
            return false;
        }
        match self.rotate() {
            Ok(()) => {
                self.period = now;
                self.failed = None;
                self.tidy();
                true
            }
            Err(error) => {
                self.failed = Some(Instant::now());
                self.shared.fail(&error);
                false
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
        self.unfinished = 0;
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

    /// Remembers that the file took the first `count` bytes of the `given` ones.
    fn took(&mut self, lines: Lines<'_>, given: usize, count: usize) {
        self.len = self.len.saturating_add(count as u64);
        self.owed = self.owed.max(given).saturating_sub(count);
        self.unfinished = match lines.whole(count) {
            0 => self.unfinished.saturating_add(count as u64),
            whole => count.saturating_sub(whole) as u64,
        };
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
        let slices = [IoSlice::new(bytes)];
        let lines = Lines(&slices);
        let given = self.prepare(lines);
        let count = self.file.write(bytes.get(..given).unwrap_or(bytes))?;
        self.took(lines, given, count);
        Ok(count)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let lines = Lines(slices);
        let given = self.prepare(lines);
        let count = match given == lines.len() {
            true => self.file.write_vectored(slices)?,
            false => self.file.write_vectored(&lines.take(given))?,
        };
        self.took(lines, given, count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
