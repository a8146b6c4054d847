//! A file that is opened again when it was moved away.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
#[cfg(unix)]
use std::fs::{self, Metadata};
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
#[cfg(unix)]
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::file_error::{FileError, OnError, naming};

/// A file that is appended to, and opened again under its path once it was moved away or
/// deleted: for tools such as `logrotate`.
///
/// It opens the path again when a [`Reopener`] asks, as a handler of signals does. On Unix it
/// also looks by itself, before a write or a flush, but at most [once a second](Self::look_every),
/// whether its path still leads to its file. So `logrotate` needs no `postrotate` script. The look
/// compares device and inode, so it costs two calls of the system. A file that stays under its
/// path is not opened again.
///
/// # What is promised
///
/// - Each line is whole in one file, if each line ends with a line feed: what was begun in the
///   old file is finished there.
/// - If the path cannot be opened, the log goes on in the old file. The sink calls
///   [`on_error`](Self::on_error), and tries again at the next look. A named pipe counts as such
///   a path: to open one would wait for its reader.
/// - *Moved* (`create` of `logrotate`): no line is lost. Between the move and the look, lines go
///   to the moved file. If there is nothing at the path yet, the sink leaves it one more look to
///   the tool to make the new file, with the mode and the owner that the tool wants.
/// - *Deleted*: lines written between the deletion and the look are lost, as the system
///   deletes them with the file.
/// - *Cut* (`copytruncate`): the file is opened for appending, so the next line is at its new
///   beginning, with no hole before it. Each line in the file that was cut is whole, if the system
///   takes each write whole. Lines that come after the tool's copy and before its cut are lost, and
///   the last line of the copy may be torn: the tool copies while the log writes. The sink
///   [counts](Reopener::cuts) the cuts that it notices.
/// - *A crash* of the program loses nothing that the sink has taken, as it buffers nothing. A crash
///   of the system may lose what was not synced: see [`Durable`](super::Durable).
/// - *Several processes* may append to one path, each with a sink of its own. Their lines do not mix
///   as long as the system takes each write whole; no order between them is promised.
/// - *Elsewhere than on Unix* it only opens the path again when a [`Reopener`] asks. Windows
///   refuses to move or delete the file if another program has opened it without leave for that.
///
/// ```
/// use highwater::log::Log;
/// use highwater::sink::Reopen;
/// use std::fs;
/// use std::io::Write;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("log");
/// # let old = folder.path().join("log.1");
/// let file = Reopen::open(&path)?;
/// let reopener = file.reopener(); // for what handles the signal
/// let log = Log::builder().spawn(file)?;
/// log.writer().write_all(b"before\n")?;
/// log.flush().wait()?;
///
/// fs::rename(&path, &old)?;
/// reopener.reopen();
///
/// log.writer().write_all(b"after\n")?;
/// log.end().wait()?;
/// assert!(!reopener.is_pending());
/// assert_eq!(fs::read(old)?, b"before\n");
/// assert_eq!(fs::read(path)?, b"after\n");
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Debug)]
pub struct Reopen {
    path: PathBuf,
    file: File,
    shared: Arc<Shared>,
    on_error: OnError,
    /// The last byte that was taken was not the end of a line.
    within_line: bool,
    look_every: Duration,
    looked: Instant,
    /// How long the file must be: what was there, and what was taken since.
    #[cfg(unix)]
    len: u64,
    /// The last look found nothing at the path.
    #[cfg(unix)]
    missing: bool,
    /// The path does not lead to the file.
    moved: bool,
    /// What was asked when the path could not be opened.
    failed: Option<usize>,
}

/// What the sink and its [`Reopener`]s share.
#[derive(Debug, Default)]
struct Shared {
    /// How many times it was asked. A count and not a flag: a caller that asks while the file is
    /// being opened may have moved the new one away, so it has to be opened once more.
    asked: AtomicUsize,
    /// How many of these are done.
    done: AtomicUsize,
    reopens: AtomicU64,
    failures: AtomicU64,
    cuts: AtomicU64,
}

impl Shared {
    /// Whether there is something to be done.
    fn is_pending(&self, asked: usize) -> bool {
        asked != self.done.load(Ordering::Acquire)
    }
}

/// Asks a [`Reopen`] to open its file again, and says how often it did. Cheap to clone. Asking only
/// adds to a counter, so a handler of signals may do it.
#[derive(Clone, Debug)]
pub struct Reopener {
    shared: Arc<Shared>,
}

impl Reopener {
    /// Asks the sink to open its path again, before its next write or flush. It also makes the sink
    /// try at once a path that it could not open before.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// let file = highwater::sink::Reopen::open(folder.path().join("log"))?;
    /// let reopener = file.reopener();
    /// reopener.reopen();
    /// assert!(reopener.is_pending());
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn reopen(&self) {
        self.shared.asked.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns whether the sink was asked and has not opened its path yet: nothing was written or
    /// flushed since, or the path cannot be opened. Once it is `false`, the file that was moved away
    /// is complete.
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let mut file = highwater::sink::Reopen::open(folder.path().join("log"))?;
    /// let reopener = file.reopener();
    /// reopener.reopen();
    /// file.flush()?;
    /// assert!(!reopener.is_pending());
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn is_pending(&self) -> bool {
        let asked = self.shared.asked.load(Ordering::Acquire);
        self.shared.is_pending(asked)
    }

    /// Returns how many times the file was opened again.
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let mut file = highwater::sink::Reopen::open(folder.path().join("log"))?;
    /// let reopener = file.reopener();
    /// reopener.reopen();
    /// file.flush()?;
    /// assert_eq!((reopener.reopens(), reopener.failures()), (1, 0));
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn reopens(&self) -> u64 {
        self.shared.reopens.load(Ordering::Relaxed)
    }

    /// Returns how many times the file could not be opened again. Each time the sink has called
    /// [`on_error`](Reopen::on_error).
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.shared.failures.load(Ordering::Relaxed)
    }

    /// Returns how many times the sink found that its file was cut: shorter than what it has written.
    /// Always 0 elsewhere than on Unix.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use std::fs::File;
    /// use std::io::Write;
    /// use std::time::Duration;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("log");
    /// let mut file = highwater::sink::Reopen::open(&path)?.look_every(Duration::ZERO);
    /// file.write_all(b"a line\n")?;
    /// File::create(path)?; // cuts it
    /// file.write_all(b"a line\n")?;
    /// assert_eq!(file.reopener().cuts(), 1);
    /// # }
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::Relaxed)
    }
}

impl Reopen {
    /// Opens the file at this path for appending; creates it if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be opened: the error names the path, and has the kind of the system's.
    ///
    /// # Examples
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("log");
    /// let _file = highwater::sink::Reopen::open(&path)?;
    /// assert!(path.exists());
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let file = open(&path).map_err(naming("open", &path))?;
        Ok(Self {
            #[cfg(unix)]
            len: file.metadata()?.len(),
            file,
            path,
            shared: Arc::default(),
            on_error: OnError::default(),
            within_line: false,
            look_every: Duration::from_secs(1),
            looked: Instant::now(),
            #[cfg(unix)]
            missing: false,
            moved: false,
            failed: None,
        })
    }

    /// Sets what the sink calls each time that it cannot open its path again, on the thread that
    /// writes. By default it prints a line on stderr.
    ///
    /// [`FileError`] has an example.
    #[must_use]
    pub fn on_error(mut self, tell: impl Fn(&FileError) + Send + Sync + 'static) -> Self {
        self.on_error = OnError::new(tell);
        self
    }

    /// Sets the shortest time between two looks at the path, and between two tries to open it
    /// after a failure: a second by default. With [`Duration::ZERO`] it looks before
    /// each write; with [`Duration::MAX`] never, and a [`Reopener`] has to ask.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use std::fs;
    /// use std::io::Write;
    /// use std::time::Duration;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("log");
    /// let mut file = highwater::sink::Reopen::open(&path)?.look_every(Duration::ZERO);
    /// fs::remove_file(&path)?;
    /// file.write_all(b"a line\n")?;
    /// assert_eq!(fs::read(&path)?, b"a line\n");
    /// # }
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn look_every(mut self, interval: Duration) -> Self {
        self.look_every = interval;
        self
    }

    /// A handle that asks to open it again.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// let file = highwater::sink::Reopen::open(folder.path().join("log"))?;
    /// assert!(!file.reopener().is_pending());
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn reopener(&self) -> Reopener {
        Reopener {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Opens the file again, if that was asked or it was moved, and no line is half written.
    /// Returns whether a line has to be finished first.
    fn prepare(&mut self) -> bool {
        let asked = self.shared.asked.load(Ordering::Acquire);
        let is_pending = self.shared.is_pending(asked);
        if self.within_line {
            return is_pending || self.moved;
        }
        let looks = self.looked.elapsed() >= self.look_every;
        if looks {
            self.looked = Instant::now();
            self.look();
        }
        // What has failed waits for the next look, unless it is asked once more.
        if (is_pending || self.moved) && (looks || self.failed != Some(asked)) {
            self.reopen(asked);
        }
        false
    }

    /// A log that cannot be moved is better than none: if this fails, the old file goes on.
    fn reopen(&mut self, asked: usize) {
        match open_again(&self.path) {
            Ok(file) => {
                self.file = file;
                self.moved = false;
                self.failed = None;
                self.opened();
                self.shared.done.store(asked, Ordering::Release);
                self.shared.reopens.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                self.failed = Some(asked);
                self.shared.failures.fetch_add(1, Ordering::Relaxed);
                let error = FileError::new("open again", &self.path, error);
                self.on_error.tell(&error);
            }
        }
    }

    /// Remembers how many bytes the file took, and whether they end in the middle of a line.
    fn took(&mut self, count: usize, last: Option<&u8>) {
        #[cfg(unix)]
        {
            self.len = self.len.saturating_add(count as u64);
        }
        if count > 0 {
            self.within_line = last.is_some_and(|last| *last != b'\n');
        }
    }
}

#[cfg(unix)]
impl Reopen {
    /// Notices that the path does not lead to the file any more, or that the file was cut.
    fn look(&mut self) {
        let Ok(own) = self.file.metadata() else {
            return;
        };
        let file = |found: &Metadata| (found.dev(), found.ino());
        let found = fs::metadata(&self.path).ok();
        self.moved = match &found {
            Some(found) => file(found) != file(&own),
            // A tool that has moved the file may be about to make the new one.
            None => self.missing || own.nlink() == 0,
        };
        self.missing = found.is_none();
        if own.is_file() {
            if own.len() < self.len {
                self.shared.cuts.fetch_add(1, Ordering::Relaxed);
            }
            self.len = own.len();
        }
    }

    fn opened(&mut self) {
        self.missing = false;
        self.len = self.file.metadata().map_or(0, |found| found.len());
    }
}

#[cfg(not(unix))]
impl Reopen {
    fn look(&mut self) {}
    fn opened(&mut self) {}
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Opens what has come to stand at the path, which must not take for ever.
fn open_again(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    if fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
        // To open one waits for its reader.
        return Err(io::Error::other("it is a pipe"));
    }
    open(path)
}

/// These bytes up to the end of the first line.
fn first_line(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    end.and_then(|end| bytes.get(..=end)).unwrap_or(bytes)
}

impl Write for Reopen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = match self.prepare() {
            true => first_line(bytes),
            false => bytes,
        };
        let count = self.file.write(bytes)?;
        self.took(count, bytes.get(..count).and_then(<[u8]>::last));
        Ok(count)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.prepare() {
            let first = slices.iter().find(|slice| !slice.is_empty());
            return first.map_or(Ok(0), |first| self.write(first));
        }
        let count = self.file.write_vectored(slices)?;
        let mut bytes = slices.iter().flat_map(|slice| slice.iter());
        let last = count.checked_sub(1).and_then(|last| bytes.nth(last));
        self.took(count, last);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.prepare();
        self.file.flush()
    }
}
