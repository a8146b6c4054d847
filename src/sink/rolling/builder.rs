//! Makes a file that rotates.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::compress::{Compress, Compressor};
use super::file::{Limits, RollingFile, open};
use super::lines::unfinished;
use super::names::Names;
use super::period::Period;
use super::status::Shared;
use crate::sink::file_error::{FileError, OnError};

/// Makes a [`RollingFile`].
///
/// ```
/// use highwater::sink::RollingFile;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("log");
/// let file = RollingFile::builder(path)
///     .max_bytes(100 * 1024 * 1024)
///     .daily()
///     .keep(30)
///     .open()?;
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Debug)]
#[must_use = "it does nothing until it is opened"]
pub struct RollingFileBuilder {
    path: PathBuf,
    limits: Limits,
    on_error: OnError,
    compress: Option<Compress>,
}

impl RollingFile {
    /// Makes a builder for a file at this path.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("log");
    /// let file = highwater::sink::RollingFile::builder(path).daily().open()?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn builder(path: impl Into<PathBuf>) -> RollingFileBuilder {
        RollingFileBuilder::new(path.into())
    }
}

impl RollingFileBuilder {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            limits: Limits {
                max_bytes: None,
                period: Period::default(),
                keep: None,
                retry_after: Duration::from_secs(1),
            },
            on_error: OnError::default(),
            compress: None,
        }
    }

    /// Rotates before a line that would make the file longer than this, in bytes. A line that is
    /// longer by itself has a file of its own.
    ///
    /// A file is longer than this in two cases. If a line comes in several calls of
    /// [`write`](io::Write::write), its rest goes where it began. Once more than this many bytes of
    /// one line are in the file, the sink rotates within it. So data without a line feed also fills
    /// files, each at most this long and a call longer.
    ///
    /// ```
    /// use highwater::sink::RollingFile;
    /// use std::fs;
    /// use std::io::Write;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("log");
    /// let mut file = RollingFile::builder(&path).max_bytes(12).open()?;
    /// file.write_all(b"one\n")?;
    /// file.write_all(b"two\n")?;
    /// file.write_all(b"three\n")?;
    /// assert_eq!(fs::read(folder.path().join("log.0000001"))?, b"one\ntwo\n");
    /// assert_eq!(fs::read(path)?, b"three\n");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.limits.max_bytes = Some(bytes);
        self
    }

    /// Rotates before the first line of each hour, in place of each [day](Self::daily). An hour
    /// without a line has no file.
    ///
    /// Data without a line feed needs [`max_bytes`](Self::max_bytes): an hour alone never ends a line.
    ///
    /// ```
    /// use highwater::sink::RollingFile;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let _file = RollingFile::builder(folder.path().join("log")).hourly().keep(48).open()?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn hourly(mut self) -> Self {
        self.limits.period.seconds = Some(60 * 60);
        self
    }

    /// Rotates before the first line of each day, in place of each [hour](Self::hourly). A day
    /// without a line has no file. It is a day of UTC unless there is a
    /// [`utc_offset`](Self::utc_offset).
    ///
    /// Data without a line feed needs [`max_bytes`](Self::max_bytes): a day alone never ends a line.
    ///
    /// ```
    /// use highwater::sink::RollingFile;
    /// use std::fs::{self, File};
    /// use std::io::Write;
    /// use std::time::{Duration, SystemTime};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("log");
    /// fs::write(&path, b"two days ago\n")?;
    /// let ago = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    /// File::options().append(true).open(&path)?.set_modified(ago)?;
    ///
    /// let mut file = RollingFile::builder(&path).daily().open()?;
    /// file.write_all(b"today\n")?;
    /// assert_eq!(fs::read(folder.path().join("log.0000001"))?, b"two days ago\n");
    /// assert_eq!(fs::read(path)?, b"today\n");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn daily(mut self) -> Self {
        self.limits.period.seconds = Some(24 * 60 * 60);
        self
    }

    /// Counts hours and days in local time: how many seconds it is ahead of UTC at a moment. The
    /// sink calls this before each write, on the thread that writes.
    ///
    /// With the crate `chrono`: `|at| DateTime::<Local>::from(at).offset().local_minus_utc()`.
    ///
    /// ```
    /// use highwater::sink::RollingFile;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("log");
    /// let file = RollingFile::builder(path)
    ///     .daily()
    ///     .utc_offset(|_| 5 * 3600 + 1800) // India, all year
    ///     .open()?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn utc_offset(
        mut self,
        seconds: impl Fn(SystemTime) -> i32 + Send + Sync + 'static,
    ) -> Self {
        self.limits.period.utc_offset = Box::new(seconds);
        self
    }

    /// Keeps this many old files, besides the one that gets the lines, and deletes older ones.
    /// By default it keeps all.
    ///
    /// ```
    /// use highwater::sink::RollingFile;
    /// use std::io::Write;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let mut file = RollingFile::builder(folder.path().join("log"))
    ///     .max_bytes(6)
    ///     .keep(1)
    ///     .open()?;
    /// for line in ["one\n", "two\n", "three\n"] {
    ///     file.write_all(line.as_bytes())?;
    /// }
    /// assert!(!folder.path().join("log.0000001").exists());
    /// assert!(folder.path().join("log.0000002").exists());
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn keep(mut self, files: usize) -> Self {
        self.limits.keep = Some(files);
        self
    }

    /// Sets the shortest time between two tries of a rotation that fails: a second by
    /// default. Meanwhile the log goes on in the old file.
    ///
    /// ```
    /// use highwater::sink::RollingFile;
    /// use std::time::Duration;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let _file = RollingFile::builder(folder.path().join("log"))
    ///     .hourly()
    ///     .retry_after(Duration::from_secs(60))
    ///     .open()?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn retry_after(mut self, interval: Duration) -> Self {
        self.limits.retry_after = interval;
        self
    }

    /// Sets what compresses an old file. The sink calls it for each, on a thread of its own.
    /// `compress` replaces the file by one whose name is the same with an extension, such as
    /// `log.0000001.gz`. `keep` counts both as one and deletes both.
    ///
    /// No write waits for it, and neither does the program at its end. The sink compresses what is
    /// left after the next start. So `compress` must overwrite what a crash has left half done.
    /// If it fails or panics, the sink calls [`on_error`](Self::on_error), and calls `compress`
    /// again after the next rotation.
    ///
    /// ```
    /// use flate2::{Compression, write::GzEncoder};
    /// use highwater::sink::RollingFile;
    /// use std::fs::{self, File};
    /// use std::io;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("log");
    /// let file = RollingFile::builder(path)
    ///     .daily()
    ///     .compress_with(|old| {
    ///         let half = old.with_extension("gz.half");
    ///         let mut gzip = GzEncoder::new(File::create(&half)?, Compression::default());
    ///         io::copy(&mut File::open(old)?, &mut gzip)?;
    ///         gzip.finish()?.sync_all()?;
    ///         fs::rename(half, format!("{}.gz", old.display()))?;
    ///         fs::remove_file(old)
    ///     })
    ///     .open()?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn compress_with(
        mut self,
        compress: impl FnMut(&Path) -> io::Result<()> + Send + 'static,
    ) -> Self {
        self.compress = Some(Compress::new(compress));
        self
    }

    /// Sets what the sink calls each time that something fails while the log goes on: a rotation,
    /// the deletion of an old file, a compression. The sink calls it on the thread that writes, or
    /// on the one that compresses. By default it prints a line on stderr.
    ///
    /// ```
    /// use highwater::sink::RollingFile;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let file = RollingFile::builder(folder.path().join("log"))
    ///     .daily()
    ///     .on_error(|error| eprintln!("{error}"))
    ///     .open()?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn on_error(mut self, tell: impl Fn(&FileError) + Send + Sync + 'static) -> Self {
        self.on_error = OnError::new(tell);
        self
    }

    /// Opens the file for appending, and creates it if there is none. Deletes the old files that
    /// are too many.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the path leads to no file, if no option
    /// says when to rotate, or if a limit is 0. Otherwise the system's error, which names the path:
    /// the file cannot be opened, its folder cannot be listed, or the system starts no thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use highwater::sink::RollingFile;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let error = RollingFile::builder(folder.path()).daily().open().unwrap_err();
    /// assert!(error.to_string().ends_with("it is not a file"));
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn open(self) -> io::Result<RollingFile> {
        let fail = |error| io::Error::from(FileError::new("open", &self.path, error));
        self.check()
            .map_err(|why| fail(io::Error::new(io::ErrorKind::InvalidInput, why)))?;
        let file = open(&self.path).map_err(fail)?;
        let found = file.metadata().map_err(fail)?;
        let names = Names::new(&self.path).map_err(fail)?;
        // What is there is complete: a process that has died writes no more.
        let complete = names.old_files()?.into_keys().next_back().unwrap_or(0);
        let shared = Arc::new(Shared::new(names, complete, self.on_error));
        let compressor = match self.compress {
            Some(compress) => Some(Compressor::spawn(compress, Arc::clone(&shared))?),
            None => None,
        };
        let (len, modified) = (found.len(), found.modified().ok());
        let most = self.limits.max_bytes.map_or(1, |max| max.saturating_add(1));
        let file = RollingFile {
            file,
            len,
            // A file that this program may not read counts as one of whole lines.
            unfinished: unfinished(shared.names.path(), len, most).unwrap_or(0),
            period: modified
                .map_or_else(|| self.limits.period.now(), |at| self.limits.period.of(at)),
            limits: self.limits,
            owed: 0,
            failed: None,
            shared,
            compressor,
        };
        file.tidy();
        Ok(file)
    }

    /// What is wrong with the options.
    fn check(&self) -> Result<(), &'static str> {
        let limits = &self.limits;
        if self.path.file_name().is_none() {
            return Err("it names no file");
        }
        if fs::metadata(&self.path).is_ok_and(|found| !found.is_file()) {
            return Err("it is not a file");
        }
        if limits.max_bytes.is_none() && limits.period.seconds.is_none() {
            return Err("it would never rotate: set max_bytes, hourly or daily");
        }
        if limits.max_bytes == Some(0) {
            return Err("max_bytes is 0: no line would have room");
        }
        if limits.keep == Some(0) {
            return Err("keep is 0: each file would be deleted as soon as it is full");
        }
        Ok(())
    }
}
