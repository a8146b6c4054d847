//! What the examples share: how they start, what they report, and how they fail.

use std::error::Error;
use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use highwater::{Destroy, Snapshot, Unfinished};
use tokio::sync::watch;

pub mod descriptors;
pub mod http;
pub mod lines;
pub mod progress;
pub mod report;
pub mod s3;
mod signals;

pub use descriptors::{say, tell};
pub use signals::{on_stop, stopped};

use report::{Form, Report};

/// The pages of the guide whose programs need other crates: they must compile and run.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../src/guide/recipes/axum_body.md")]
    struct AxumBody;

    #[doc = include_str!("../../../src/guide/recipes/progress.md")]
    struct Progress;

    #[doc = include_str!("../../../src/guide/recipes/upload.md")]
    struct Upload;

    #[doc = include_str!("../../../src/guide/moving_from/duplex.md")]
    struct Duplex;

    #[doc = include_str!("../../../src/guide/moving_from/tracing_appender.md")]
    struct TracingAppender;
}

/// Why an example ends early: one line, and the exit status.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    text: String,
}

impl Failure {
    /// Something went wrong: status 1.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status: 1, text }
    }

    /// An error with its causes, and what it was about.
    #[must_use]
    pub fn of(about: &str, error: &dyn Error) -> Self {
        Self::new(format!("{about}: {}", causes(error)))
    }

    /// The arguments make no sense: status 2.
    #[must_use]
    pub fn arguments(text: impl Into<String>) -> Self {
        Self {
            status: 2,
            ..Self::new(text)
        }
    }

    /// Stopped by Ctrl-C or another signal: the status that a shell expects.
    #[must_use]
    pub fn interrupted(text: impl AsRef<str>) -> Self {
        Self {
            status: signals::status(),
            ..Self::new(format!("interrupted: {}", text.as_ref()))
        }
    }
}

/// An error and its causes, in one line. Some errors say their cause themselves.
#[must_use]
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.replace('\n', " ")
}

/// Reads the arguments and runs the example on tokio. Errors are one line on
/// standard error. The example stops when the receiver turns true.
pub fn run<A, F>(name: &str, body: impl FnOnce(A, watch::Receiver<bool>) -> F) -> ExitCode
where
    A: Parser,
    F: Future<Output = Result<(), Failure>>,
{
    match start(body) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&format!("{name}: {}", failure.text));
            ExitCode::from(failure.status)
        }
    }
}

fn start<A, F>(body: impl FnOnce(A, watch::Receiver<bool>) -> F) -> Result<(), Failure>
where
    A: Parser,
    F: Future<Output = Result<(), Failure>>,
{
    let arguments = match A::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            // What comes behind the first paragraph is how to use it.
            let text = error.to_string();
            let lines = text.lines().take_while(|line| !line.is_empty());
            let line = lines.map(str::trim).collect::<Vec<_>>().join(" ");
            return Err(Failure::arguments(line.trim_start_matches("error: ")));
        }
        // --help and --version
        Err(text) => return say(&text.to_string()),
    };
    let before = signals::hold()?;
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| Failure::of("the runtime", &error))?;
    let result = runtime.block_on(async { body(arguments, signals::stop(before)?).await });
    // What is left are tasks that have no waiter.
    runtime.shutdown_background();
    result
}

/// What a task has answered.
///
/// # Errors
///
/// If it panicked.
pub fn joined<T>(answer: Result<T, tokio::task::JoinError>) -> Result<T, Failure> {
    answer.map_err(|error| Failure::of("a task", &error))
}

/// Does what is no future, on a thread of its own.
///
/// # Errors
///
/// What it answers, or that it panicked.
pub async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    joined(tokio::task::spawn_blocking(work).await)?
}

/// How long a sink may take to come back when the program is interrupted.
const GRACE: Duration = Duration::from_millis(200);

/// What is left of a stream at Ctrl-C. What a sink that is stuck has in hand is in doubt.
#[must_use]
pub fn left_of<W>(mut stream: Destroy<W>) -> Unfinished<W> {
    match stream.wait_timeout(GRACE) {
        Ok(unfinished) => unfinished,
        Err(_) => stream.give_up(),
    }
}

/// The counters of many streams as one: sums, and the highest peak.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// How many writes the streams answered with `Flow::Wait`.
    pub waits: u64,
    /// How many times the streams emitted 'drain'.
    pub drains: u64,
    /// The highest length of any one stream, in bytes.
    pub peak: u64,
    /// Bytes that were accepted.
    pub accepted: u64,
    /// Bytes that the sinks have taken.
    pub delivered: u64,
}

impl From<&Snapshot> for Totals {
    fn from(stream: &Snapshot) -> Self {
        let mut totals = Self::default();
        totals.add(stream);
        totals
    }
}

impl Totals {
    /// Adds those of a stream.
    pub fn add(&mut self, stream: &Snapshot) {
        self.waits += stream.waits;
        self.drains += stream.drains;
        self.peak = self.peak.max(stream.peak);
        self.accepted += stream.accepted;
        self.delivered += stream.delivered;
    }

    /// Adds those of other streams.
    pub fn merge(&mut self, other: &Self) {
        self.waits += other.waits;
        self.drains += other.drains;
        self.peak = self.peak.max(other.peak);
        self.accepted += other.accepted;
        self.delivered += other.delivered;
    }

    /// What every example reports.
    #[must_use]
    pub fn report(&self) -> Report {
        Report::new()
            .count("waits", "times a producer waited", self.waits)
            .count("drains", "times there was room again", self.drains)
            .bytes("peak", "most in a stream at once", self.peak)
            .kib("memory", "most memory of the process", peak_memory())
    }

    /// The same in one line, for programs.
    #[must_use]
    pub fn summary(&self) -> String {
        self.report().text(Form::Programs)
    }
}

/// The most memory that this process has had, in KiB; known on Linux only.
#[must_use]
pub fn peak_memory() -> Option<u64> {
    let peak = process_status("VmHWM:")?;
    peak.strip_suffix("kB")?.trim_end().parse().ok()
}

/// What the system says of this process under this name; on Linux only.
fn process_status(name: &str) -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().to_owned())
}
