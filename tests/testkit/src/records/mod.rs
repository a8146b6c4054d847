//! Checks what drivers have written down (`src/driver/record.rs`): each record must be a run of
//! the machine, in the order that its contract gives a driver.
//!
//! A `Check` keeps what a driver keeps, by itself: the state, the measures of the queue, the
//! FIFO of ticks, and the call stack. Each entry must be one that may come then:
//!
//! - a step has the state, effect and continuation that `step` gives, the head of the queue, and
//!   an input whose time it is: the continuation of the effect that has returned, the task of
//!   the tick that was taken, or a call from outside while user code runs
//! - each effect is performed once, before the continuation
//! - a tick is appended when the machine defers one, and taken in order, with nothing on the stack
//!
//! The explorer's world follows each record (`follow.rs`): so it is a way in the graph of a
//! world with the same options and lengths. Where this way is within the bounds of a configuration
//! of the specification, it is also walked in its graph ([`Graphs`]).

mod alike;
mod follow;
mod graphs;
mod read;
mod run;

pub use graphs::Graphs;
use graphs::Lengths;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::{fmt, io};

use highwater::machine::{Options, Quirks};

use crate::explore::drive::Taken;
use crate::explore::notation::action_name;
use crate::explore::steps::line;
use run::{Check, kind};

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
#[derive(Debug)]
pub struct Seen {
    pub records: usize,
    pub steps: usize,
    /// Records whose end was cut off, or that end within a step.
    pub cut: usize,
    /// Records that are walked in the graph of a configuration.
    pub walked: usize,
    /// Of these, records that are walked with lengths of the configuration instead of their own.
    pub relengthed: usize,
    /// Records that the world has followed to their end, those included.
    pub followed: usize,
    /// Why the world has not followed the others to their end, and how many.
    pub left: BTreeMap<&'static str, usize>,
    pub graphs: Graphs,
    kinds: BTreeSet<String>,
    actions: BTreeSet<String>,
    /// The different steps of records without quirks.
    different: HashSet<(Options, Taken)>,
}

impl Seen {
    /// Nothing yet, with these graphs to walk in.
    #[must_use]
    pub fn new(graphs: Graphs) -> Self {
        Self {
            records: 0,
            steps: 0,
            cut: 0,
            walked: 0,
            relengthed: 0,
            followed: 0,
            left: BTreeMap::new(),
            graphs,
            kinds: BTreeSet::new(),
            actions: BTreeSet::new(),
            different: HashSet::new(),
        }
    }

    /// The kinds of input that no record has.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let missing = KINDS.iter().filter(|kind| !self.kinds.contains(**kind));
        missing.copied().collect()
    }

    /// Those of these actions that no record takes, as far as the world follows it.
    #[must_use]
    pub fn untaken<'a>(&self, actions: &[&'a str]) -> Vec<&'a str> {
        let missing = actions.iter().filter(|name| !self.actions.contains(**name));
        missing.copied().collect()
    }

    /// Checks all records of a file.
    ///
    /// # Errors
    ///
    /// What the first one that is no run of the machine does, with the entries before.
    pub fn check(&mut self, text: &str) -> Result<(), String> {
        let mut check: Option<Check> = None;
        // A process that was killed leaves its last line torn.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines: Vec<&str> = whole.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let outcome = match (line.strip_prefix("new\t"), &mut check) {
                (Some(options), _) => {
                    self.close(check.take());
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
        self.close(check);
        Ok(())
    }

    fn close(&mut self, check: Option<Check>) {
        let Some(check) = check else { return };
        self.records += 1;
        self.steps += check.steps.len();
        self.cut += usize::from(!check.is_at_rest());
        let way = check.follower.way();
        self.actions.extend(way.iter().copied().map(action_name));
        match check.follower.left() {
            Some(why) => *self.left.entry(why).or_default() += 1,
            None => {
                self.followed += 1;
                let lengths = self.graphs.walk(&check.steps, way);
                self.walked += usize::from(lengths.is_some());
                self.relengthed += usize::from(lengths == Some(Lengths::OfGraph));
            }
        }
        if check.quirks == Quirks::NONE {
            let steps = check.steps.into_iter();
            self.different
                .extend(steps.map(|step| (check.options, step)));
        }
        self.kinds.extend(check.kinds);
    }

    /// Writes different steps as `spec/induct.py steps` reads them: at most so many of each kind
    /// of input. Those with quirks are left out, as the encoding has none. Returns how many.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn write_steps(&self, of_each: usize, mut out: impl io::Write) -> io::Result<usize> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (options, taken) in &self.different {
            let count = counts
                .entry(kind(&format!("{:?}", taken.input)))
                .or_default();
            if *count < of_each {
                *count += 1;
                line(&mut out, options, taken)?;
            }
        }
        out.flush()?;
        Ok(counts.values().sum())
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = KINDS.len() - self.missing().len();
        let of = KINDS.len();
        let (records, steps, cut) = (self.records, self.steps, self.cut);
        let (walked, relengthed, followed) = (self.walked, self.relengthed, self.followed);
        let different = self.different.len();
        write!(
            f,
            "records={records} steps={steps} different={different} cut={cut} kinds={taken}/{of} walked={walked} \
             relengthed={relengthed} followed={followed}"
        )
    }
}
