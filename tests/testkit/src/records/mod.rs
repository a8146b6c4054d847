//! Checks what drivers have written down (`src/driver/record.rs`): each record must be a run of
//! the machine, in the order that its contract gives a driver.
//!
//! A [`Check`] keeps what a driver keeps, by itself: the state, the measures of the queue, the
//! FIFO of ticks, and the call stack. Each entry must be one that may come then:
//!
//! - a step has the state, effect and continuation that `step` gives, the head of the queue, and
//!   an input whose time it is: the continuation of the effect that has returned, the task of
//!   the tick that was taken, or a call from outside while user code runs
//! - each effect is performed once, before the continuation
//! - a tick is appended when the machine defers one, and taken in order, with nothing on the stack

mod read;
mod run;

pub use run::Check;

use std::collections::BTreeSet;
use std::fmt;

/// The inputs, tasks and continuations that a driver can put in, as records name them.
const KINDS: [&str; 37] = [
    "Start",
    "Write",
    "Cork",
    "Uncork",
    "End",
    "Destroy",
    "Written",
    "Progress",
    "Constructed",
    "Finalized",
    "Destroyed",
    "Joined",
    "Run(Construct)",
    "Run(Constructed)",
    "Run(AfterWrite)",
    "Run(WriteFailed)",
    "Run(Reject)",
    "Run(Finish)",
    "Run(Error)",
    "Run(Close)",
    "Resume(Answer)",
    "Resume(Flush)",
    "Resume(Flushing)",
    "Resume(Callbacks)",
    "Resume(Reject)",
    "Resume(Batched)",
    "Resume(Next)",
    "Resume(Finalizing)",
    "Resume(Prefinished)",
    "Resume(DeferFinish)",
    "Resume(FailFinal)",
    "Resume(Fail)",
    "Resume(TellError)",
    "Resume(CallDestroy)",
    "Resume(TellFinish)",
    "Resume(AutoDestroy)",
    "Resume(TellClose)",
];

/// What was seen in records.
#[derive(Debug, Default)]
pub struct Seen {
    pub records: usize,
    pub steps: usize,
    /// Records whose end was cut off, or that end within a step.
    pub cut: usize,
    kinds: BTreeSet<String>,
}

impl Seen {
    /// The kinds of input that no record has.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let missing = KINDS.iter().filter(|kind| !self.kinds.contains(**kind));
        missing.copied().collect()
    }

    /// Adds what another has seen.
    pub fn add(&mut self, other: Self) {
        self.records += other.records;
        self.steps += other.steps;
        self.cut += other.cut;
        self.kinds.extend(other.kinds);
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = KINDS.len() - self.missing().len();
        let of = KINDS.len();
        let (records, steps, cut) = (self.records, self.steps, self.cut);
        write!(
            f,
            "records={records} steps={steps} cut={cut} kinds={taken}/{of}"
        )
    }
}

/// Checks all records of a file.
///
/// # Errors
///
/// What the first one that is no run of the machine does, with the entries before.
pub fn check(text: &str) -> Result<Seen, String> {
    let mut seen = Seen::default();
    let mut check: Option<Check> = None;
    // A process that was killed leaves its last line torn.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines: Vec<&str> = whole.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let outcome = match (line.strip_prefix("new\t"), &mut check) {
            (Some(options), _) => {
                close(&mut seen, check.take());
                Check::new(options).map(|new| check = Some(new))
            }
            (None, Some(check)) => check.entry(line),
            (None, None) => Err("an entry before the first record".to_owned()),
        };
        outcome.map_err(|wrong| {
            let before = lines[number.saturating_sub(12)..=number].join("\n");
            format!("line {}: {wrong}\n{before}", number + 1)
        })?;
    }
    close(&mut seen, check);
    Ok(seen)
}

fn close(seen: &mut Seen, check: Option<Check>) {
    let Some(check) = check else { return };
    seen.records += 1;
    seen.steps += check.steps;
    seen.cut += usize::from(!check.is_at_rest());
    seen.kinds.extend(check.kinds);
}
