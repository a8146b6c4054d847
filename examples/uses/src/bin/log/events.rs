//! The threads that log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use highwater::sink::Reopener;
use highwater_uses::Failure;
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;

/// What each event says; its thread and its number follow.
const MESSAGE: &str = "a request was answered";

/// How the event looks, without what the subscriber puts in front of it.
pub(crate) fn line(thread: u64, number: u64) -> String {
    format!("{MESSAGE} thread={thread} number={number}")
}

/// Where the file goes when it is rotated.
pub(crate) fn rotated(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// What `logrotate` does: it renames the file, and tells the program to open a new one.
pub(crate) struct Rotation {
    path: PathBuf,
    reopener: Reopener,
}

impl Rotation {
    pub(crate) fn new(path: &Path, reopener: Reopener) -> Self {
        Self {
            path: path.to_owned(),
            reopener,
        }
    }

    fn rotate(&self) -> Result<(), Failure> {
        fs::rename(&self.path, rotated(&self.path))
            .map_err(|error| Failure::of("the rotation", &error))?;
        self.reopener.reopen();
        Ok(())
    }
}

/// Threads at work.
pub(crate) struct Events {
    count: u64,
    threads: u64,
    start: Instant,
    stop: Arc<AtomicBool>,
    done: mpsc::Receiver<Result<(), Failure>>,
}

impl Events {
    /// Starts them. One of them rotates the log when half of its events are through.
    pub(crate) fn start<W>(count: u64, threads: u64, rotation: Option<Rotation>, writer: W) -> Self
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(writer)
            .without_time()
            .with_target(false)
            .with_level(false)
            .finish();
        let dispatch = Dispatch::new(subscriber);
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, done) = mpsc::channel();
        let start = Instant::now();
        let mut rotation = rotation;
        for thread in 0..threads {
            let (dispatch, stop) = (dispatch.clone(), Arc::clone(&stop));
            let (tell, rotation) = (tell.clone(), rotation.take());
            let each = count / threads + u64::from(thread < count % threads);
            thread::spawn(move || {
                let events = || log(thread, each, &stop, rotation.as_ref());
                let logged = tracing::dispatcher::with_default(&dispatch, events);
                // The last of these takes what the subscriber holds of the log.
                drop(dispatch);
                let _ = tell.send(logged);
            });
        }
        Self {
            count,
            threads,
            start,
            stop,
            done,
        }
    }

    /// How many events there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn started(&self) -> Instant {
        self.start
    }

    /// Waits for the threads: how long they took, or what one of them ran into.
    /// `None` if it was interrupted; they stop then.
    pub(crate) fn wait(
        &self,
        interrupted: &mpsc::Receiver<()>,
    ) -> Option<Result<Duration, Failure>> {
        let mut result = Ok(());
        let mut left = self.threads;
        while left > 0 {
            if interrupted.try_recv().is_ok() {
                self.stop.store(true, Ordering::Relaxed);
                return None;
            }
            match self.done.recv_timeout(Duration::from_millis(20)) {
                Ok(logged) => {
                    result = result.and(logged);
                    left -= 1;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let text = "a thread that logs has panicked";
                    return Some(Err(Failure::new(text)));
                }
            }
        }
        Some(result.map(|()| self.start.elapsed()))
    }
}

fn log(
    thread: u64,
    count: u64,
    stop: &AtomicBool,
    rotation: Option<&Rotation>,
) -> Result<(), Failure> {
    for number in 0..count {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if let (Some(rotation), true) = (rotation, number == count / 2) {
            rotation.rotate()?;
        }
        tracing::info!(thread, number, "{MESSAGE}");
    }
    Ok(())
}
