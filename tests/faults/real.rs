//! The system's own faults, and sinks that never come back.
//!
//! Limits of the system hold for a whole process, so a test that needs one plays its part in a
//! child ([`child`]), which a shell starts after it has set the limit.

use std::fs::{self, File};
use std::io::{self, Read, Write};
#[cfg(target_os = "linux")]
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use highwater::{
    BoxError, Cause, Chunk, End, EndError, Flow, OnDrop, Unfinished, WaitError, Writable,
    WriteError,
};
#[cfg(target_os = "linux")]
use highwater_testkit::child;

/// Long enough that a time-out is waited for, and not found past at once.
const SHORT: Duration = Duration::from_millis(20);

fn joined(chunks: &[Chunk]) -> Vec<u8> {
    let bytes = chunks.iter().flat_map(|chunk| chunk.as_ref());
    bytes.copied().collect()
}

/// Writes numbered lines until the stream has failed. Returns what was accepted, the cause,
/// and what is left.
fn write_until_it_fails<W>(mut out: Writable<W>) -> (Vec<u8>, Cause, Unfinished<W>) {
    let mut accepted = Vec::new();
    for n in 0_u64.. {
        let line = format!("{n} is the number of this line\n");
        match out.write(&line) {
            Ok(flow) => {
                accepted.extend(line.as_bytes());
                // If no drain will come, the next write says why.
                if flow == Flow::Wait && out.drained().wait().is_err() {
                    assert!(matches!(out.write("x"), Err(WriteError::Failed { .. })));
                }
            }
            Err(WriteError::Failed { .. }) => break,
            Err(other) => panic!("the stream has not ended: {other}"),
        }
    }
    match out.end().wait() {
        Err(EndError::Failed {
            cause, unfinished, ..
        }) => (accepted, cause, *unfinished),
        other => panic!("it has failed: {other:?}"),
    }
}

#[test]
fn a_pipe_whose_reader_leaves() -> Result<(), BoxError> {
    let reads = 1000;
    let mut reader = Command::new("head")
        .args(["-c", &reads.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let pipe = reader.stdin.take().ok_or("it has a pipe")?;
    let out = Writable::builder().high_water_mark(300).spawn(pipe)?;
    let (accepted, cause, unfinished) = write_until_it_fails(out);
    assert_eq!(cause.code(), "EPIPE");
    assert_eq!(
        cause.io().map(io::Error::kind),
        Some(io::ErrorKind::BrokenPipe)
    );
    // What the pipe took, it took, whether it was read or not.
    let written = usize::try_from(unfinished.totals.delivered)?;
    assert!(written >= reads);
    assert_eq!(joined(&unfinished.unsent), accepted[written..]);
    assert_eq!(unfinished.in_doubt, 0);
    assert!(unfinished.sink.is_some(), "the broken pipe comes back");
    let mut read = Vec::new();
    let mut output = reader.stdout.take().ok_or("it has an output")?;
    output.read_to_end(&mut read)?;
    assert_eq!(read, accepted[..reads]);
    assert!(reader.wait()?.success());
    Ok(())
}

#[test]
fn sinks_that_cannot_be_opened() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    fs::write(&file, "here before")?;
    let cases = [
        (folder.path().to_owned(), "EISDIR"),
        (folder.path().join("no folder").join("file"), "ENOENT"),
        (file.join("below a file"), "ENOTDIR"),
        (file.clone(), "EEXIST"),
    ];
    for (path, code) in cases {
        let open = move || {
            File::options()
                .write(true)
                .create_new(code == "EEXIST")
                .open(path)
        };
        let out = Writable::builder().high_water_mark(50).spawn_with(open)?;
        let (accepted, cause, unfinished) = write_until_it_fails(out);
        assert_eq!(cause.code(), code);
        assert_eq!(joined(&unfinished.unsent), accepted);
        assert_eq!((unfinished.in_doubt, unfinished.totals.delivered), (0, 0));
        assert!(unfinished.sink.is_none());
    }
    assert_eq!(fs::read_to_string(file)?, "here before");
    Ok(())
}

/// A sink that takes four bytes a call, and in the call named it stays until
/// it is let go.
struct Stuck {
    taken: Arc<Mutex<Vec<u8>>>,
    /// Takes this often before it is stuck; `None` if `flush` is.
    takes: Option<u32>,
    inside: Sender<()>,
    go_on: Receiver<()>,
}

/// The test's side of it.
struct Keeper {
    taken: Arc<Mutex<Vec<u8>>>,
    /// Something arrives once it is stuck; gone when the sink is.
    inside: Receiver<()>,
    /// Dropped to let it go.
    go_on: Sender<()>,
}

fn stuck(takes: Option<u32>) -> (Stuck, Keeper) {
    let (tell, inside) = channel();
    let (go_on, wait) = channel();
    let taken = Arc::new(Mutex::new(Vec::new()));
    let sink = Stuck {
        taken: Arc::clone(&taken),
        takes,
        inside: tell,
        go_on: wait,
    };
    let keeper = Keeper {
        taken,
        inside,
        go_on,
    };
    (sink, keeper)
}

impl Stuck {
    fn stay(&self) {
        // The keeper may have left.
        let _ = self.inside.send(());
        self.go_on.recv().expect_err("the keeper sends nothing");
    }
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.takes {
            None => {}
            Some(0) => self.stay(),
            Some(takes) => *takes -= 1,
        }
        let taken = &bytes[..bytes.len().min(4)];
        self.taken.lock().expect("no panic").extend(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.takes.is_none() {
            self.stay();
        }
        Ok(())
    }
}

impl Keeper {
    fn wait_until_stuck(&self) {
        self.inside.recv().expect("the sink lives");
    }

    /// Lets it go, waits until the sink is gone, and says what it took.
    fn let_go(self) -> Vec<u8> {
        drop(self.go_on);
        for () in self.inside.iter() {}
        self.taken.lock().expect("no panic").clone()
    }
}

fn end_in_vain<W>(out: Writable<W>) -> End<W> {
    let mut end = out.end();
    let ended = end.wait_timeout(SHORT);
    assert!(matches!(ended, Err(EndError::TimedOut)), "{ended:?}");
    end
}

/// Destroys the stream, and gives up when its sink does not come back.
fn destroy_in_vain<W>(end: End<W>) -> Unfinished<W> {
    let mut destroy = end.destroy();
    let destroyed = destroy.wait_timeout(SHORT);
    let timed_out = matches!(destroyed, Err(WaitError::TimedOut));
    assert!(timed_out, "{destroyed:?}");
    destroy.give_up()
}

#[test]
fn a_sink_stuck_in_write_is_left_with_what_is_in_doubt() -> Result<(), BoxError> {
    for takes in [0, 1] {
        let (sink, keeper) = stuck(Some(takes));
        let mut out = Writable::builder()
            .high_water_mark(1)
            .spawn(sink)
            .map_err(io::Error::from)?;
        assert_eq!(out.write("in flight")?, Flow::Wait);
        keeper.wait_until_stuck();
        assert_eq!(out.write("queued")?, Flow::Wait);
        let (drain, written) = (out.writer(), out.writer());
        let waiters = [
            thread::spawn(move || drain.drained().wait()),
            thread::spawn(move || written.delivered(9).wait()),
        ];
        let unfinished = destroy_in_vain(end_in_vain(out));
        assert!(unfinished.sink.is_none(), "it is not here");
        assert_eq!(joined(&unfinished.unsent), b"queued");
        // What it took of the chunk in its first call is delivered.
        let delivered = 4 * u64::from(takes);
        assert_eq!(unfinished.totals.delivered, delivered);
        assert_eq!(unfinished.in_doubt, 9 - delivered);
        for waiter in waiters {
            let waited = waiter.join().expect("a wait does not panic");
            assert!(
                matches!(waited, Err(WaitError::Ended | WaitError::Destroyed)),
                "{waited:?}"
            );
        }
        // The call that was stuck takes four bytes still, and is the last.
        let taken = keeper.let_go();
        assert_eq!(taken, &b"in flight"[..4 + 4 * takes as usize]);
    }
    Ok(())
}

#[test]
fn a_sink_stuck_in_flush_has_everything() -> Result<(), BoxError> {
    let (sink, keeper) = stuck(None);
    let mut out = Writable::builder().spawn(sink).map_err(io::Error::from)?;
    assert_eq!(out.write("everything")?, Flow::More);
    let mut delivered = out.delivered(10);
    let end = end_in_vain(out);
    delivered.wait()?;
    keeper.wait_until_stuck();
    let unfinished = destroy_in_vain(end);
    assert!(unfinished.sink.is_none() && unfinished.unsent.is_empty());
    assert_eq!((unfinished.in_doubt, unfinished.totals.delivered), (0, 10));
    assert_eq!(keeper.let_go(), b"everything");
    Ok(())
}

#[test]
fn an_opener_that_is_stuck_leaves_everything_unsent() -> Result<(), BoxError> {
    let (sink, keeper) = stuck(Some(9));
    let open = move || {
        sink.stay();
        Ok(sink)
    };
    let mut out = Writable::builder().spawn_with(open)?;
    assert_eq!(out.write("queued")?, Flow::More);
    keeper.wait_until_stuck();
    let unfinished = destroy_in_vain(end_in_vain(out));
    assert!(unfinished.sink.is_none());
    assert_eq!(joined(&unfinished.unsent), b"queued");
    assert_eq!((unfinished.in_doubt, unfinished.totals.delivered), (0, 0));
    assert_eq!(keeper.let_go(), b"", "it is not written to any more");
    Ok(())
}

#[test]
fn dropping_within_a_time_leaves_a_stuck_sink() -> Result<(), BoxError> {
    let (sink, keeper) = stuck(Some(0));
    let mut out = Writable::builder()
        .on_drop(OnDrop::FinishWithin(SHORT))
        .spawn(sink)
        .map_err(io::Error::from)?;
    let late = out.writer();
    assert_eq!(out.write("in flight")?, Flow::More);
    keeper.wait_until_stuck();
    let queued = bytes::Bytes::from(b"queued".to_vec());
    assert_eq!(out.write_chunk(queued.clone())?, Flow::More);
    drop(out);
    assert!(queued.is_unique(), "what is given up is dropped");
    assert!(late.write("late").is_err());
    assert_eq!(
        keeper.let_go(),
        b"in f",
        "nothing after the call that was stuck"
    );
    Ok(())
}

/// Starts the calling test in a child, under the limits that this line of shell sets. Returns
/// the file that the child has made: it shows that the child has played its part.
#[cfg(target_os = "linux")]
fn left_by_child(limits: &str) -> Result<Vec<u8>, BoxError> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &format!("{limits} && exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe()?);
    // Where no thread can be started, the harness uses its main thread.
    let child = child::plays(&mut shell, limits, &file).output()?;
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}: {said}", child.status);
    Ok(fs::read(file).map_err(|_| "the child has played no part")?)
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_may_not_grow_any_more() -> Result<(), BoxError> {
    if let Some(part) = child::part() {
        return past_the_file_size(&part.file);
    }
    // Without the trap, the signal would end the process.
    let file = left_by_child("trap '' XFSZ && ulimit -f 8")?;
    assert_eq!(file.len(), 8 * 1024);
    Ok(())
}

#[cfg(target_os = "linux")]
fn past_the_file_size(path: &Path) -> Result<(), BoxError> {
    let opened = path.to_owned();
    let out = Writable::builder()
        .high_water_mark(1000)
        .spawn_with(move || File::create(opened))?;
    let (accepted, cause, unfinished) = write_until_it_fails(out);
    assert_eq!(cause.code(), "EFBIG");
    assert_eq!(unfinished.totals.delivered, 8 * 1024);
    assert_eq!(unfinished.in_doubt, 0);
    // The last line that fits was cut by the limit, and is handed back from there.
    let written = fs::read(path)?;
    assert_ne!(written.last(), Some(&b'\n'), "else nothing is shown here");
    assert_eq!([written, joined(&unfinished.unsent)].concat(), accepted);
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn no_thread_can_be_started() -> Result<(), BoxError> {
    if let Some(part) = child::part() {
        return without_a_thread(&part.file);
    }
    // The stack of a new thread is larger than all the memory there may be.
    let limits = "ulimit -v $((1 << 20)) && export RUST_MIN_STACK=$((2 << 30))";
    let file = left_by_child(limits)?;
    assert_eq!(file, b"mine, and written without a thread");
    Ok(())
}

#[cfg(target_os = "linux")]
fn without_a_thread(path: &Path) -> Result<(), BoxError> {
    let mut file = File::create(path)?;
    file.write_all(b"mine")?;
    let mut refused = Writable::builder()
        .spawn(file)
        .expect_err("there is no memory for a thread");
    assert_eq!(refused.code(), "EAGAIN");
    assert_eq!(refused.source.kind(), io::ErrorKind::WouldBlock);
    let opened = Writable::builder().spawn_with(|| -> io::Result<File> {
        panic!("there is no thread to open it on");
    });
    let refused_too = opened.expect_err("there is no memory for a thread");
    assert_eq!(refused_too.kind(), io::ErrorKind::WouldBlock);
    refused.sink.write_all(b", and written without a thread")?;
    Ok(())
}
