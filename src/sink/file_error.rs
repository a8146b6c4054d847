//! What a file sink could not do, and whom it tells.

use alloc::boxed::Box;
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What a file sink could not do to a file. A sink that goes on calls its `on_error` with it. One that
/// cannot be opened returns it within an [`io::Error`] of the same kind.
///
/// ```
/// use highwater::sink::Reopen;
/// use std::fs;
/// use std::io::{ErrorKind, Write};
/// use std::sync::mpsc;
///
/// # let folder = tempfile::tempdir()?;
/// let (home, away) = (folder.path().join("home"), folder.path().join("away"));
/// fs::create_dir(&home)?;
/// let (tell, told) = mpsc::channel();
/// let mut file = Reopen::open(home.join("log"))?.on_error(move |error| {
///     let _ = tell.send((error.path().to_owned(), error.error().kind()));
/// });
/// fs::rename(&home, &away)?;
/// file.reopener().reopen();
/// file.write_all(b"a line\n")?; // to the old file
/// assert_eq!(told.recv()?, (home.join("log"), ErrorKind::NotFound));
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {error}", path.display())]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    error: io::Error,
}

impl FileError {
    /// The action is a verb, and what stands between it and the path.
    pub(super) fn new(action: &'static str, path: impl Into<PathBuf>, error: io::Error) -> Self {
        let path = path.into();
        Self {
            action,
            path,
            error,
        }
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the error of the system, or of the caller's closure.
    #[must_use]
    pub fn error(&self) -> &io::Error {
        &self.error
    }
}

/// Makes an error name what was done to which file.
pub(super) fn naming(action: &'static str, path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| FileError::new(action, path, error).into()
}

impl From<FileError> for io::Error {
    /// Keeps the kind, and names the file.
    fn from(error: FileError) -> Self {
        Self::new(error.error.kind(), error)
    }
}

/// Whom a sink tells.
pub(super) struct OnError(Box<dyn Fn(&FileError) + Send + Sync>);

// It is called with `&self`, and the sink is as it was if it panics.
impl RefUnwindSafe for OnError {}
impl UnwindSafe for OnError {}

impl OnError {
    pub(super) fn new(tell: impl Fn(&FileError) + Send + Sync + 'static) -> Self {
        Self(Box::new(tell))
    }

    pub(super) fn tell(&self, error: &FileError) {
        (self.0)(error);
    }
}

impl Default for OnError {
    /// Not `eprintln!`, which panics if stderr is closed.
    fn default() -> Self {
        Self::new(|error| {
            let _ = writeln!(io::stderr(), "the log goes on: {error}");
        })
    }
}

impl fmt::Debug for OnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnError")
    }
}
