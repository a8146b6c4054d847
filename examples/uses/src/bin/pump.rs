//! Standard input to a file, or to standard output, through a stream: a buffer in
//! the middle of a pipeline that shows what goes through it.
//!
//! ```sh
//! tar c . | pump | ssh backup 'cat >backup.tar'
//! zcat dump.gz | pump --high-water-mark 16777216 dump
//! ```
//!
//! `examples/uses/pump_beside.sh` measures it beside pv and mbuffer.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use highwater::sink::WaitReady;
use highwater::{Destroy, EndError, Event, Flow, Snapshot, Writable, Writer};
use highwater_uses::descriptors::{is_not_standard_input, open_or_closed, standard_output};
use highwater_uses::progress::Bar;
use highwater_uses::report::{Output, Report};
use highwater_uses::{Failure, Totals, causes, left_of, on_a_thread, on_stop, run, tell};
use indicatif::HumanBytes;
use tokio::sync::watch;

/// Standard input to PATH, or to standard output, through a bounded buffer.
#[derive(Parser)]
#[command(name = "pump", version)]
struct Arguments {
    /// How many bytes the buffer holds: reading stops from there on.
    #[arg(long, value_name = "BYTES", default_value_t = 1024 * 1024)]
    high_water_mark: u64,
    /// At how many bytes reading goes on; half of the other by default.
    #[arg(long, value_name = "BYTES")]
    low_water_mark: Option<u64>,
    /// Say nothing unless something goes wrong.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    output: Output,
    /// The file, which is overwritten; its folder must exist. Standard output
    /// without it.
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
}

impl Arguments {
    /// Where it goes, for people.
    fn place(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => "standard output".into(),
        }
    }
}

fn main() -> ExitCode {
    run("pump", start)
}

async fn start(arguments: Arguments, stop: watch::Receiver<bool>) -> Result<(), Failure> {
    open_or_closed(&io::stdin()).map_err(|error| Failure::of("standard input", &error))?;
    let (sender, told) = mpsc::channel();
    let interrupt = sender.clone();
    on_stop(stop, move || {
        let _ = interrupt.send(Message::Interrupted);
    });
    on_a_thread(move || {
        let report = pump(&arguments, sender, &told)?;
        if !arguments.quiet {
            // Standard output is for what is pumped.
            tell(&report.text(arguments.output.of_stderr()));
        }
        Ok(())
    })
    .await
}

/// What the thread in the middle hears.
enum Message {
    /// The source came to its end, or failed.
    Read(io::Result<()>),
    /// The stream has failed.
    Failed,
    Interrupted,
}

/// How often it shows what goes on, and looks whether it is interrupted.
const TICK: Duration = Duration::from_millis(100);

fn pump(
    arguments: &Arguments,
    tell: Sender<Message>,
    told: &Receiver<Message>,
) -> Result<Report, Failure> {
    let place = arguments.place();
    let mark = arguments.high_water_mark;
    let failed = tell.clone();
    let path = arguments.path.clone();
    let out = Writable::builder()
        .high_water_mark(mark)
        .low_water_mark(arguments.low_water_mark.unwrap_or(mark / 2))
        .observer(move |event| {
            if matches!(event, Event::Error(_)) {
                let _ = failed.send(Message::Failed);
            }
        })
        // On its thread: opening a pipe waits for its reader.
        .spawn_with(move || open(path))
        .map_err(|error| Failure::of("the thread", &error))?;
    let start = Instant::now();
    let bar = bar(arguments);
    let count = Arc::new(AtomicU64::new(0));
    read_on_a_thread(out.writer(), Arc::clone(&count), tell);

    let (read, totals) = watch(out, &place, told, &count, |now| show(&bar, now, start))?;
    bar.clear();
    read.map_err(|error| Failure::of("standard input", &error))?;
    let read = count.load(Ordering::Relaxed);
    verify(arguments, read, &totals)?;
    Ok(report(read, &totals, start.elapsed()))
}

fn report(read: u64, totals: &Snapshot, took: Duration) -> Report {
    let seconds = took.as_secs_f64();
    let rate = totals.delivered as f64 / seconds;
    Report::new()
        .bytes("read", "read", read)
        .bytes("written", "written", totals.delivered)
        .fact(
            ("seconds", format!("{seconds:.3}")),
            ("time", format!("{seconds:.3} s")),
        )
        .fact(
            ("rate", format!("{rate:.0}")),
            ("rate", format!("{}/s", HumanBytes(rate as u64))),
        )
        .and(Totals::from(totals).report())
}

/// Shows what goes on until the stream has ended: how reading ended, and the
/// counters at the end.
fn watch(
    out: Writable<Sink>,
    place: &str,
    told: &Receiver<Message>,
    count: &AtomicU64,
    show: impl Fn(&Snapshot),
) -> Result<(io::Result<()>, Snapshot), Failure> {
    let read = loop {
        match told.recv_timeout(TICK) {
            Ok(Message::Read(result)) => break result,
            // Its end says why.
            Ok(Message::Failed) => break Ok(()),
            Ok(Message::Interrupted) => return Err(interrupted(out.destroy(), count)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        show(&out.snapshot());
    };
    let stream = out.writer();
    let mut end = out.end();
    loop {
        match end.wait_timeout(TICK) {
            Ok(done) => return Ok((read, done.totals)),
            Err(EndError::TimedOut) => {}
            Err(EndError::Failed {
                cause, unfinished, ..
            }) => {
                let written = unfinished.totals.delivered;
                let left = count.load(Ordering::Relaxed) - written;
                return Err(Failure::new(format!(
                    "{place}: {cause} ({written} bytes are written, {left} were read and are not)"
                )));
            }
            Err(error) => return Err(Failure::new(format!("{place}: {}", causes(&error)))),
        }
        if let Ok(Message::Interrupted) = told.try_recv() {
            return Err(interrupted(end.destroy(), count));
        }
        show(&stream.snapshot());
    }
}

fn interrupted(stream: Destroy<Sink>, count: &AtomicU64) -> Failure {
    let unfinished = left_of(stream);
    let (written, in_doubt) = (unfinished.totals.delivered, unfinished.in_doubt);
    let unsent = count.load(Ordering::Relaxed) - written - in_doubt;
    let mut text = format!("{written} bytes are written, {unsent} were read and not sent");
    if in_doubt > 0 {
        text.push_str(&format!(", {in_doubt} are in doubt"));
    }
    Failure::interrupted(text)
}

/// What it writes to. It waits for a pipe that does not block, and stops at Ctrl-C.
type Sink = WaitReady<File>;

/// Paths of standard output. If that is closed, they are paths of the null device.
const STDOUT: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

fn open(path: Option<PathBuf>) -> io::Result<Sink> {
    let Some(path) = path else {
        let stdout = standard_output()?;
        is_not_standard_input(stdout.get_ref())?;
        return Ok(stdout);
    };
    if STDOUT.contains(&path.to_str().unwrap_or_default()) {
        open_or_closed(&io::stdout())?;
    }
    // Not cut before it is known to be another file.
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    is_not_standard_input(&file)?;
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(WaitReady::new(file))
}

/// How much is read at once, at most: what a pipe of Linux holds.
const PIECE: usize = 64 * 1024;

/// It may wait for the source for ever, so no thread joins it.
fn read_on_a_thread(out: Writer, count: Arc<AtomicU64>, tell: Sender<Message>) {
    thread::spawn(move || {
        if let Some(result) = read(&out, &count) {
            let _ = tell.send(Message::Read(result));
        }
    });
}

/// To the end of the source. `None` if the stream takes no more.
fn read(out: &Writer, count: &AtomicU64) -> Option<io::Result<()>> {
    let mut source = WaitReady::new(io::stdin().lock());
    let mut buffer = vec![0; PIECE];
    loop {
        let chunk = match source.read(&mut buffer) {
            Ok(0) => return Some(Ok(())),
            Ok(length) => &buffer[..length],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Some(Err(error)),
        };
        count.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        if out.write(chunk).ok()? == Flow::Wait {
            out.drained().wait().ok()?;
        }
    }
}

/// What was read, what the stream says, and what the file holds is the same.
fn verify(arguments: &Arguments, read: u64, totals: &Snapshot) -> Result<(), Failure> {
    let place = arguments.place();
    let mut counts = vec![read, totals.accepted, totals.delivered];
    if let Some(path) = &arguments.path {
        let file = fs::metadata(path).map_err(|error| Failure::of(&place, &error))?;
        counts.extend(file.is_file().then_some(file.len()));
    }
    match counts.iter().all(|count| *count == read) {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "{place}: the counts of bytes differ: {counts:?}"
        ))),
    }
}

fn bar(arguments: &Arguments) -> Bar {
    match arguments.quiet {
        true => Bar::none(),
        false => {
            let template = "{msg} [{bar:20}] buffered";
            arguments.output.bar(arguments.high_water_mark, template)
        }
    }
}

fn show(bar: &Bar, now: &Snapshot, start: Instant) {
    bar.show(now.length, || {
        let rate = now.delivered as f64 / start.elapsed().as_secs_f64();
        let (written, rate) = (HumanBytes(now.delivered), HumanBytes(rate as u64));
        format!("{written} {rate}/s, {} waits", now.waits)
    });
}
