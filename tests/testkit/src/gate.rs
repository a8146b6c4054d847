//! A sink that takes what it is given only when the test says so.

use std::io::{self, IoSlice, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// How long anything may take that is bound to happen. Not a time that a test
/// depends on: past it, something hangs.
pub const WATCHDOG: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct Inside {
    /// What the call that waits at the gate was given.
    waiting: Option<Vec<u8>>,
    /// What that call is to answer.
    answer: Option<io::Result<()>>,
    /// Every call is answered ok at once.
    open: bool,
    /// Everything that was taken.
    taken: Vec<u8>,
}

/// The test's side of the gate.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    inside: Arc<(Mutex<Inside>, Condvar)>,
}

impl Gate {
    /// The sink's side.
    pub fn sink(&self) -> GatedSink {
        GatedSink { gate: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.0.lock().expect("no panic at the gate")
    }

    fn wait_until(&self, mut f: impl FnMut(&mut Inside) -> bool) -> MutexGuard<'_, Inside> {
        let wait = self
            .inside
            .1
            .wait_timeout_while(self.lock(), WATCHDOG, |inside| !f(inside));
        let (inside, timeout) = wait.expect("no panic at the gate");
        assert!(!timeout.timed_out(), "no call came to the gate");
        inside
    }

    /// Waits until a call waits at the gate; what it was given.
    pub fn wait_for_call(&self) -> Vec<u8> {
        let inside = self.wait_until(|inside| inside.waiting.is_some());
        inside.waiting.clone().unwrap_or_default()
    }

    /// Lets the call that waits answer.
    pub fn answer(&self, answer: io::Result<()>) {
        self.lock().answer = Some(answer);
        self.inside.1.notify_all();
        // It has left once it has taken its answer.
        drop(self.wait_until(|inside| inside.answer.is_none()));
    }

    /// Lets every call through from now on.
    pub fn open(&self) {
        self.lock().open = true;
        self.inside.1.notify_all();
    }

    /// Everything that was taken.
    pub fn taken(&self) -> Vec<u8> {
        self.lock().taken.clone()
    }
}

#[derive(Debug)]
pub struct GatedSink {
    gate: Gate,
}

impl GatedSink {
    fn call(&self, given: Vec<u8>) -> io::Result<usize> {
        self.gate.lock().waiting = Some(given);
        self.gate.inside.1.notify_all();
        let mut inside = self
            .gate
            .wait_until(|inside| inside.open || inside.answer.is_some());
        let given = inside.waiting.take().unwrap_or_default();
        let answer = inside.answer.take().unwrap_or(Ok(()));
        self.gate.inside.1.notify_all();
        answer.map(|()| {
            inside.taken.extend(&given);
            given.len()
        })
    }
}

impl Write for GatedSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call(bytes.to_vec())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.call(
            slices
                .iter()
                .flat_map(|slice| slice.iter())
                .copied()
                .collect(),
        )
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
