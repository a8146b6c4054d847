//! Each wait of a producer, on a thread that may be the one that it would wait for.

use std::io::{self, Write};
use std::time::Duration;

use highwater::{SendError, Wait, WaitError, Writer};

/// The name of a wait, and the code of the error that it returned, or "ok".
pub type Waited = (&'static str, &'static str);

/// Waits in each way.
///
/// # Panics
///
/// If a chunk that was not sent does not come back.
pub fn waits(writer: &Writer) -> Vec<Waited> {
    let wait = |mut wait: Wait| code(wait.wait(), WaitError::code);
    let mut sending = writer.send("more");
    let sent = code(sending.wait(), SendError::code);
    let sent_in_time = code(sending.wait_timeout(Duration::MAX), SendError::code);
    let chunk = sending.into_chunk();
    assert_eq!(chunk, Some("more".into()), "the chunk is still here");
    let mut blocking = writer.blocking();
    let in_time = writer.drained().wait_timeout(Duration::MAX);
    vec![
        ("drained", wait(writer.drained())),
        ("drained in time", code(in_time, WaitError::code)),
        ("delivered", wait(writer.delivered(writer.position()))),
        ("flush", wait(writer.flush())),
        ("closed", wait(writer.closed())),
        ("send", sent),
        ("send in time", sent_in_time),
        ("io::Write::write", code(blocking.write(b"more"), of_io)),
        ("io::Write::flush", code(blocking.flush(), of_io)),
    ]
}

/// Asserts that each wait has returned the error of a deadlock.
#[track_caller]
pub fn assert_all_deadlock(whose: &str, waits: &[Waited]) {
    for (wait, code) in waits {
        assert_eq!(*code, "EDEADLK", "{whose}: {wait}");
    }
}

fn code<T, E>(result: Result<T, E>, code: impl FnOnce(&E) -> &'static str) -> &'static str {
    result.map_or_else(|error| code(&error), |_| "ok")
}

fn of_io(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::Deadlock => "EDEADLK",
        _ => "another error",
    }
}
