//! The examples `deployed_log` and `appender_log`, as they are run.

mod common;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Checked, Ended};

/// Runs this example, with this argument and this input. Cargo has built it with this test, and
/// runs it with the same profile.
fn example(name: &str, argument: &Path, input: &str) -> io::Result<Ended> {
    let mut child = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--profile", "test"])
        .args(["-p", "highwater-uses", "--example", name, "--"])
        .arg(argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    Ok(child.wait_with_output()?.into())
}

#[test]
fn a_log_goes_on_behind_yesterdays_and_survives_a_panic() -> Checked {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("service.log");
    fs::write(&path, "yesterday\n")?;
    example("deployed_log", &path, "1\n2\n")?.well();
    let ended = example("deployed_log", &path, "3\nthree\n")?;
    assert_ne!(ended.status, Some(0));
    let text = fs::read_to_string(&path)?;
    let numbers = text.lines().skip(1).map(|line| line.rsplit_once("number="));
    let numbers: Vec<_> = numbers.map(|line| line.map(|(_, number)| number)).collect();
    assert!(text.starts_with("yesterday\n"));
    assert_eq!(numbers, [Some("1"), Some("2"), Some("3")], "{text}");
    Ok(())
}

#[test]
fn an_error_of_the_log_goes_to_stderr() -> Checked {
    let ended = example("deployed_log", Path::new("/dev/full"), "1\n")?;
    assert_ne!(ended.status, Some(0));
    assert!(
        ended.err.contains("the log failed, nothing more is logged"),
        "{}",
        ended.err
    );
    Ok(())
}

#[test]
fn the_rolling_file_of_tracing_appender_is_a_sink() -> Checked {
    let folder = tempfile::tempdir()?;
    example("appender_log", folder.path(), "first\nsecond\n")?.well();
    let mut text = String::new();
    for file in fs::read_dir(folder.path())? {
        text += &fs::read_to_string(file?.path())?;
    }
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(
        text.contains("first") && text.ends_with("\"second\"\n"),
        "{text}"
    );
    Ok(())
}
