//! What stops a program: Ctrl-C, `kill`, and a terminal that is closed.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::{Failure, process_status};

/// The number of the first signal that stopped the program, or 0.
static FIRST: AtomicI32 = AtomicI32::new(0);

/// The status that a shell expects of a program that a signal has stopped.
pub(crate) fn status() -> u8 {
    let signal = match FIRST.load(Ordering::Relaxed) {
        0 => SignalKind::interrupt().as_raw_value(),
        first => first,
    };
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// The system keeps the signals that stop the program until [`stop`] listens for them. This
/// thread calls it before the runtime starts: its threads keep the signals as well. Returns
/// which were kept before.
///
/// Otherwise a signal would be lost that comes while tokio begins to listen: it catches the
/// signal first, and hears of it only after that.
pub(crate) fn hold() -> Result<SigSet, Failure> {
    let stopping = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    let stopping: SigSet = stopping.into_iter().collect();
    let before = stopping.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    before.map_err(|error| Failure::of("holding signals", &error))
}

/// Turns true at SIGINT (Ctrl-C), SIGTERM or SIGHUP. A second Ctrl-C ends the program at once.
/// A signal that the parent of this program ignores stays ignored, as `nohup` expects. The
/// system gives this thread what it has kept since [`hold`].
///
/// # Errors
///
/// If a signal cannot be listened for.
pub(crate) fn stop(before: SigSet) -> Result<watch::Receiver<bool>, Failure> {
    let (sender, receiver) = watch::channel(false);
    let sender = Arc::new(sender);
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    for kind in kinds.into_iter().filter(|kind| !is_ignored(*kind)) {
        // Made here and not in the task: a signal that comes before it runs counts too.
        let mut signals =
            signal(kind).map_err(|error| Failure::of("listening for signals", &error))?;
        let sender = Arc::clone(&sender);
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let first = kind.as_raw_value();
                let _ = FIRST.compare_exchange(0, first, Ordering::Relaxed, Ordering::Relaxed);
                let again = sender.send_replace(true);
                // A terminal that is closed sends its signal more than once.
                if again && kind == SignalKind::interrupt() {
                    let text = "interrupted twice: what is not sent is not known";
                    let _ = writeln!(io::stderr(), "{text}");
                    std::process::exit(status().into());
                }
            }
        });
    }
    let heard = before.thread_set_mask();
    heard.map_err(|error| Failure::of("hearing signals", &error))?;
    Ok(receiver)
}

/// Whether the program was started with this signal ignored; known on Linux only.
fn is_ignored(kind: SignalKind) -> bool {
    // A bit for each signal, in hexadecimal.
    let ignored = process_status("SigIgn:");
    let ignored = ignored.and_then(|mask| u64::from_str_radix(&mask, 16).ok());
    ignored.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}

/// Waits for what stops the program.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nothing can stop it any more.
        std::future::pending::<()>().await;
    }
}

/// Does this when the program is stopped.
pub fn on_stop(mut stop: watch::Receiver<bool>, act: impl FnOnce() + Send + 'static) {
    tokio::spawn(async move {
        stopped(&mut stop).await;
        act();
    });
}
