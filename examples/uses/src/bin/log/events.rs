//! The threads that log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use highwater::sink::Reopener;
use highwater_uses::Failure;
use highwater_uses::progress::Bar;
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
    shared: Arc<Shared>,
    done: mpsc::Receiver<Result<(), Failure>>,
}

/// What the threads look at, and what they show.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// About how many events are logged, for a progress bar.
    logged: AtomicU64,
}

/// How many events a thread counts at once: the count is shared.
const COUNTED: u64 = 16;

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
        let shared = Arc::new(Shared::default());
        let (tell, done) = mpsc::channel();
        let start = Instant::now();
        let mut rotation = rotation;
        for thread in 0..threads {
            let (dispatch, shared) = (dispatch.clone(), Arc::clone(&shared));
            let (tell, rotation) = (tell.clone(), rotation.take());
            let each = count / threads + u64::from(thread < count % threads);
            thread::spawn(move || {
                let events = || log(thread, each, &shared, rotation.as_ref());
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
            shared,
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
        bar: &Bar,
    ) -> Option<Result<Duration, Failure>> {
        let mut result = Ok(());
        let mut left = self.threads;
        while left > 0 {
            if interrupted.try_recv().is_ok() {
                self.shared.stop.store(true, Ordering::Relaxed);
                bar.clear();
                return None;
            }
            bar.show(self.shared.logged.load(Ordering::Relaxed), String::new);
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
        let took = self.start.elapsed();
        bar.clear();
        Some(result.map(|()| took))
    }
}

fn log(
    thread: u64,
    count: u64,
    shared: &Shared,
    rotation: Option<&Rotation>,
) -> Result<(), Failure> {
    for number in 0..count {
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        if let (Some(rotation), true) = (rotation, number == count / 2) {
            rotation.rotate()?;
        }
        tracing::info!(thread, number, "{MESSAGE}");
        if number % COUNTED == COUNTED - 1 {
            shared.logged.fetch_add(COUNTED, Ordering::Relaxed);
        }
    }
    Ok(())
}
