//! Compresses old files, on a thread of its own.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use core::fmt;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::Ordering;
use std::io;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::status::Shared;
use crate::sink::file_error::FileError;

type Closure = dyn FnMut(&Path) -> io::Result<()> + Send;

/// Replaces an old file by a compressed one.
pub(super) struct Compress(Box<Closure>);

impl Compress {
    pub(super) fn new(compress: impl FnMut(&Path) -> io::Result<()> + Send + 'static) -> Self {
        Self(Box::new(compress))
    }

    /// Compresses this file, unless another thread does that.
    fn run(&mut self, path: &Path) -> io::Result<()> {
        let Some(_claim) = Claim::of(path) else {
            return Ok(());
        };
        panic::catch_unwind(AssertUnwindSafe(|| (self.0)(path)))
            .unwrap_or_else(|_| Err(io::Error::other("it panicked")))
    }
}

impl fmt::Debug for Compress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compress")
    }
}

/// The thread that compresses. The program ends without waiting for it.
#[derive(Debug)]
pub(super) struct Compressor {
    /// Holds one message at most: the thread looks for itself which files there are. So a
    /// compression that never returns costs no memory.
    wake: SyncSender<()>,
}

impl Compressor {
    pub(super) fn spawn(mut compress: Compress, shared: Arc<Shared>) -> io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let thread = thread::Builder::new().name("highwater-compress".into());
        let _detached = thread.spawn(move || run(&mut compress, &shared, &woken))?;
        Ok(Self { wake })
    }

    /// Says that there may be a file to compress.
    pub(super) fn wake(&self) {
        // One that is full wakes the thread as well.
        let _ = self.wake.try_send(());
    }
}

/// Ends when the sink is dropped.
fn run(compress: &mut Compress, shared: &Shared, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        let numbers = match shared.names.old_files() {
            Ok(files) => files.into_keys(),
            Err(error) => {
                shared.fail(&error);
                continue;
            }
        };
        let complete = shared.complete.load(Ordering::Acquire);
        for path in numbers
            .take_while(|number| *number <= complete)
            .map(|number| shared.names.old(number))
        {
            // A file may be deleted at any time: there are enough newer ones.
            if !path.exists() {
                continue;
            }
            match compress.run(&path) {
                Err(error) if path.exists() => {
                    shared.fail(&FileError::new("compress", path, error));
                }
                _ => {}
            }
        }
    }
}

/// The files that are compressed now. A program that drops a sink and opens another one on the
/// same path has two threads for a while.
static CLAIMED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The right to compress a file.
struct Claim<'a>(&'a Path);

impl<'a> Claim<'a> {
    fn of(path: &'a Path) -> Option<Self> {
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.insert(path.into()).then(|| Self(path))
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.remove(self.0);
    }
}
