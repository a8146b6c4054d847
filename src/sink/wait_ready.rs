//! A descriptor that is waited for when it is not ready.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// A file, a pipe or a socket that waits until it is ready, where it would fail because it does not
/// block.
///
/// A descriptor that a program inherits may be non-blocking: another program has set that,
/// for both. A call then fails with [`WouldBlock`](io::ErrorKind::WouldBlock), which ends a
/// stream. This type waits until the descriptor is ready instead, and changes none of its
/// flags.
///
/// A call returns [`Interrupted`](io::ErrorKind::Interrupted) after each wait, and at least twenty
/// times a second while it waits. The caller then repeats the call: streams, and the loops of
/// the standard library, do. So a stream can be destroyed while its reader never reads.
///
/// ```
/// use highwater::Writable;
/// use highwater::sink::WaitReady;
/// use std::io::Read;
/// use std::os::unix::net::UnixStream;
/// use std::thread;
///
/// let (near, mut far) = UnixStream::pair()?;
/// near.set_nonblocking(true)?;
/// let reader = thread::spawn(move || far.read_to_end(&mut Vec::new()));
///
/// let mut out = Writable::builder().spawn(WaitReady::new(near))?;
/// let _flow = out.write(vec![b'x'; 1_000_000])?; // more than the system holds
/// drop(out.end().wait()?.sink);
/// assert_eq!(reader.join().map_err(|_| "a panic")??, 1_000_000);
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Debug)]
pub struct WaitReady<F>(F);

impl<F> WaitReady<F> {
    /// Makes one from this descriptor, blocking or not.
    ///
    /// ```
    /// let _stdout = highwater::sink::WaitReady::new(std::io::stdout());
    /// ```
    #[must_use]
    pub fn new(descriptor: F) -> Self {
        Self(descriptor)
    }

    /// Returns the descriptor.
    ///
    /// ```
    /// use highwater::Writable;
    /// use highwater::sink::WaitReady;
    ///
    /// let out = Writable::builder().spawn(WaitReady::new(tempfile::tempfile()?))?;
    /// let finished = out.end_with("a line\n").wait()?;
    /// finished.sink.get_ref().sync_all()?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn get_ref(&self) -> &F {
        &self.0
    }

    /// Gives the descriptor back.
    ///
    /// ```
    /// let stdout = highwater::sink::WaitReady::new(std::io::stdout());
    /// let _stdout = stdout.into_inner();
    /// ```
    #[must_use]
    pub fn into_inner(self) -> F {
        self.0
    }
}

/// How long it waits before its caller may look whether to stop: 50 milliseconds.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

impl<F: AsFd> WaitReady<F> {
    /// Calls it. If it would block, waits until it is ready.
    fn call<T>(
        &mut self,
        ready: PollFlags,
        call: impl FnOnce(&mut F) -> io::Result<T>,
    ) -> io::Result<T> {
        match call(&mut self.0) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(wait(self.0.as_fd(), ready))
            }
            result => result,
        }
    }
}

/// Waits: `Interrupted` if it is ready, or not yet.
fn wait(descriptor: BorrowedFd<'_>, ready: PollFlags) -> io::Error {
    match poll(
        &mut [PollFd::from_borrowed_fd(descriptor, ready)],
        Some(&LOOK),
    ) {
        Ok(_) | Err(Errno::INTR) => io::ErrorKind::Interrupted.into(),
        Err(error) => error.into(),
    }
}

impl<F: Write + AsFd> Write for WaitReady<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call(PollFlags::OUT, |sink| sink.write(bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.call(PollFlags::OUT, |sink| sink.write_vectored(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.call(PollFlags::OUT, Write::flush)
    }
}

impl<F: Read + AsFd> Read for WaitReady<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.call(PollFlags::IN, |source| source.read(buffer))
    }
}
