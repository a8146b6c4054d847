//! A test that plays a part in a process of its own. This child is the same program, and runs
//! the same test alone.
//!
//! Such a test begins with the child's side, `if let Some(part) = child::part() { return
//! play(part); }`. The rest is the parent's side.
//!
//! The harness succeeds if it finds no test of that name. So the parent has to look at something
//! that only a played part leaves.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

const NAME: &str = "HIGHWATER_CHILD_PART";
const FILE: &str = "HIGHWATER_CHILD_FILE";

/// What a child has to play.
#[derive(Debug)]
pub struct Part {
    pub name: String,
    /// The file that the child writes.
    pub file: PathBuf,
}

/// Returns the part of this process, or `None` if it is no child.
pub fn part() -> Option<Part> {
    let name = env::var(NAME).ok()?;
    let file = env::var_os(FILE).expect("the parent names a file");
    let file = file.into();
    Some(Part { name, file })
}

/// Makes a command, which starts this program, start the calling test with this part.
///
/// # Panics
///
/// On a thread without a name. The harness gives the thread of a test the name of the test.
pub fn plays<'a>(command: &'a mut Command, name: &str, file: &Path) -> &'a mut Command {
    let test = thread::current();
    let test = test.name().expect("the thread of a test has its name");
    command
        .args(["--exact", test])
        // One thread of the harness, besides its main thread.
        .args(["--nocapture", "--test-threads=1"])
        .env(NAME, name)
        .env(FILE, file)
}
