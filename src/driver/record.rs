//! What a driver does, written down: each step of the machine, each effect, each tick.
//! Only with `--cfg highwater_record` (`tests/record.sh`), which checks that it is a run of the
//! machine. A record is a text, one entry a line; the words of an entry are separated by TABs:
//!
//! - `new OPTIONS`
//! - `step HEAD INPUT STATE STEP`: what the machine was given, its state after, what it said
//! - `do EFFECT`, `done`: an effect is performed; `unwound` instead if something panicked
//! - `call RESULT`, `done`: a callback is called with this result, and returns
//! - `later TASK`: a tick is appended; `tick TASK`: the first one is taken. `callback` stands
//!   for a tick that is no task of the machine: it calls one callback.
//! - `end`: the write that comes next is the one of `end(chunk)`, without a callback
//!
//! The records of a process go to one file of the folder that `HIGHWATER_RECORD` names. Equal
//! records are written once.

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::hash::BuildHasher;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::HashSet;
use std::fs::OpenOptions;
use std::hash::RandomState;
use std::io::Write;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::machine::{Input, Measure, Options, State, Step, Task};

/// The most bytes of a record, and of all records of a process.
const MOST: usize = 1 << 18;
const MOST_OF_ALL: usize = 1 << 26;

static WRITTEN: AtomicUsize = AtomicUsize::new(0);
static KNOWN: LazyLock<(RandomState, Mutex<HashSet<u64>>)> = LazyLock::new(Default::default);

pub(super) struct Record(String);

impl Record {
    pub(super) fn new(options: &Options) -> Self {
        let mut record = Self(String::new());
        record.note(format_args!("new\t{options:?}"));
        record
    }

    pub(super) fn stepped(
        &mut self,
        head: Option<Measure>,
        input: Input,
        after: &State,
        step: &Step,
    ) {
        self.note(format_args!(
            "step\t{head:?}\t{input:?}\t{after:?}\t{step:?}"
        ));
    }

    pub(super) fn note(&mut self, entry: fmt::Arguments<'_>) {
        if self.0.len() < MOST {
            self.0.push_str(&format!("{entry}\n"));
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let (state, known) = &*KNOWN;
        let new = known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(state.hash_one(&self.0));
        let Some(folder) = std::env::var_os("HIGHWATER_RECORD") else {
            return;
        };
        if !new || WRITTEN.fetch_add(self.0.len(), Ordering::Relaxed) > MOST_OF_ALL {
            return;
        }
        let path = Path::new(&folder).join(format!("{}.records", std::process::id()));
        let file = OpenOptions::new().create(true).append(true).open(path);
        // One call, so that records of other threads do not come between. The checker
        // notices a record that is not whole.
        if let Ok(mut file) = file {
            let _ = file.write_all(self.0.as_bytes());
        }
    }
}

/// How a tick is written.
pub(super) fn tick(task: Option<&Task>) -> String {
    task.map_or_else(|| String::from("callback"), |task| format!("{task:?}"))
}
