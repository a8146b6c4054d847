//! The examples, as programs.

use std::path::PathBuf;

/// `cargo test` builds the examples beside the tests; one test alone does not.
pub(crate) fn example(name: &str) -> PathBuf {
    let mut program = std::env::current_exe().expect("this test has a path");
    program.pop();
    program.pop();
    program.push("examples");
    program.push(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "`cargo test` or `cargo build --examples` builds {}",
        program.display()
    );
    program
}
