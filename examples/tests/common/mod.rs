//! The examples, run as a person runs them.

use std::process::Command;

/// The command that runs this example. Cargo builds it first if that is needed, with the
/// profile of this test.
pub(crate) fn example(name: &str) -> Command {
    // It ignores no signal, whatever this test was started with: a shell starts what is in the
    // background with SIGINT ignored, and a program leaves that as it is.
    #[cfg(target_os = "linux")]
    let mut cargo = {
        let mut cargo = Command::new("env");
        cargo.args(["--default-signal=HUP,INT,TERM", env!("CARGO")]);
        cargo
    };
    #[cfg(not(target_os = "linux"))]
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    cargo.args(["run", "--quiet", "--locked", "--profile", "test"]);
    cargo.args(["--example", name, "--"]);
    cargo
}
