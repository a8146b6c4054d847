//! A file whose flush is a sync.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::path::Path;

use super::file_error::naming;

/// A file that is *durable* once it is flushed: a flush is
/// [`sync_data`](std::fs::File::sync_data).
///
/// Three words, over any stream. *Written*, or [delivered](crate::Writable::delivered): the
/// sink has taken the bytes, here the system, so they outlive a crash of the program.
/// [*Flushed*](crate::Writable::flush): the sink has passed on what it buffers. *Durable*:
/// flushed, and the sink is this, so they outlive a crash of the system.
///
/// With [`group_commit`](crate::Builder::group_commit) many producers wait for one sync. Without
/// it, each flush that has data behind it is a sync of its own. (So is each item that a
/// `SinkExt::send` of futures sends: it flushes after each one; use `feed`, and one `flush`.)
///
/// A sync that fails is never tried again, as the system may have dropped what it could not
/// write: every later write and flush is an error, and so the stream fails. What was written
/// since the last sync that went well may be lost; read the file to find out.
///
/// ```
/// use highwater::Writable;
/// use highwater::sink::Durable;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("journal");
/// let file = Durable::open(path)?;
/// let mut out = Writable::builder().group_commit(true).spawn(file)?;
/// let _flow = out.write("pay 5 to Ann\n")?;
/// out.flush().wait()?; // on disk
/// assert_eq!(out.snapshot().flushed, 13);
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Debug)]
pub struct Durable {
    file: File,
    /// A sync has failed.
    failed: bool,
    /// Something may have been written since the last sync.
    dirty: bool,
}

impl Durable {
    /// Makes one from an open file. If the file is new, a crash may lose its name;
    /// [`Durable::create`] and [`Durable::open`] prevent that.
    ///
    /// ```
    /// let durable = highwater::sink::Durable::new(tempfile::tempfile()?);
    /// assert_eq!(durable.into_inner().metadata()?.len(), 0);
    /// # Ok::<_, std::io::Error>(())
    /// ```
    #[must_use]
    pub fn new(file: File) -> Self {
        Self {
            file,
            failed: false,
            dirty: true,
        }
    }

    /// Creates a file at this path, or cuts the one that is there to nothing. On Unix it syncs
    /// the folder of this path, so that the file's name is also durable.
    ///
    /// # Errors
    ///
    /// If the file cannot be created, or the folder cannot be synced: the error names the path, and
    /// has the kind of the system's.
    ///
    /// # Examples
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// let file = highwater::sink::Durable::create(folder.path().join("export"))?;
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let file = File::create(path).map_err(naming("create", path))?;
        sync_folder(path)?;
        Ok(Self::new(file))
    }

    /// Opens the file at this path for appending, and creates it if there is none. On Unix it
    /// syncs the folder of this path, so that the file's name is also durable.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or the folder cannot be synced: the error names the path, and
    /// has the kind of the system's.
    ///
    /// # Examples
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// let file = highwater::sink::Durable::open(folder.path().join("journal"))?;
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let opened = OpenOptions::new().append(true).create(true).open(path);
        let file = opened.map_err(naming("open", path))?;
        sync_folder(path)?;
        Ok(Self::new(file))
    }

    /// Returns the file.
    #[must_use]
    pub fn into_inner(self) -> File {
        self.file
    }

    /// Before each write.
    fn begin(&mut self) -> io::Result<&mut File> {
        if self.failed {
            return Err(sync_failed());
        }
        self.dirty = true;
        Ok(&mut self.file)
    }
}

impl Write for Durable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begin()?.write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.begin()?.write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.failed {
            return Err(sync_failed());
        }
        if self.dirty {
            let synced = self.file.sync_data();
            self.failed = synced.is_err();
            synced?;
        }
        self.dirty = false;
        Ok(())
    }
}

/// What a file answers once a sync has failed.
pub(super) fn sync_failed() -> io::Error {
    io::Error::other("an earlier sync failed, so what was written before it may be lost")
}

/// Makes the names in the folder of this file durable. Elsewhere than on Unix a folder cannot
/// be opened as a file.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        return synced.map_err(naming("sync", folder));
    }
    Ok(())
}
