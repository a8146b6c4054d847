//! A file that is opened again when it was moved away.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::path::PathBuf;

/// A file that is appended to, and opened again under its path when a
/// [`Reopener`] asks: for tools that move the log away (`logrotate` without
/// `copytruncate`) and then send a signal.
///
/// No line is lost, and none is torn: what was begun in the old file is
/// finished there. If the path cannot be opened, the old file goes on, and it is
/// tried again before the next write.
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
    asked: Arc<Asked>,
    /// The last byte that was taken was not the end of a line.
    within_line: bool,
}

/// A count and not a flag: a caller that asks while the file is being opened may have moved
/// the new one away, so it has to be opened once more.
#[derive(Debug, Default)]
struct Asked {
    /// How many times it was asked.
    asked: AtomicUsize,
    /// How many of these are done.
    done: AtomicUsize,
}

impl Asked {
    /// What is to be done, if anything is.
    fn pending(&self) -> Option<usize> {
        let asked = self.asked.load(Ordering::Acquire);
        (asked != self.done.load(Ordering::Acquire)).then_some(asked)
    }
}

/// Asks a [`Reopen`] to open its file again. Cheap to clone; does nothing but
/// count, so it may be called from anywhere, a handler of signals too.
#[derive(Clone, Debug)]
pub struct Reopener {
    asked: Arc<Asked>,
}

impl Reopener {
    /// From the next write, or flush, on, the file is the one at the path.
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
        self.asked.asked.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether it was asked and is not done: nothing has been written or flushed
    /// since, or the path cannot be opened. Once it is `false`, the file that was
    /// moved away is complete.
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
        self.asked.pending().is_some()
    }
}

impl Reopen {
    /// Opens the file at this path for appending; creates it if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
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
        Ok(Self {
            file: open(&path)?,
            path,
            asked: Arc::default(),
            within_line: false,
        })
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
            asked: Arc::clone(&self.asked),
        }
    }

    /// Opens the file again, if that was asked and no line is half written.
    /// Whether a line has to be finished first.
    fn prepare(&mut self) -> bool {
        let Some(asked) = self.asked.pending() else {
            return false;
        };
        if self.within_line {
            return true;
        }
        // A log that cannot be moved is better than none: the old file goes on.
        if let Ok(file) = open(&self.path) {
            self.file = file;
            self.asked.done.store(asked, Ordering::Release);
        }
        false
    }

    /// Remembers whether what was taken ends in the middle of a line.
    fn took(&mut self, last: Option<&u8>) {
        if let Some(last) = last {
            self.within_line = *last != b'\n';
        }
    }
}

fn open(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
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
        self.took(bytes.get(..count).and_then(<[u8]>::last));
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
        self.took(last);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.prepare();
        self.file.flush()
    }
}
