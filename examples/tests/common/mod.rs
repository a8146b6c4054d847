//! The examples, run as a person runs them.

use std::process::Command;

/// The command that runs this example. Cargo builds it first if that is needed, with the
/// profile of this test.
pub(crate) fn example(name: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    cargo.args(["run", "--quiet", "--locked", "--profile", "test"]);
    cargo.args(["--example", name, "--"]);
    cargo
}
