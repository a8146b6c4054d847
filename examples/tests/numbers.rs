//! The example `numbers`, run as a person runs it.

mod common;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

use common::example;

/// Cargo makes it for the files of this test.
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

fn numbers(arguments: &[&str]) -> Output {
    let output = example("numbers").args(arguments).output();
    output.expect("it can be run")
}

fn lines(count: u32) -> String {
    (1..=count).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "{n}");
        text
    })
}

fn summary(output: &Output) -> HashMap<String, f64> {
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.lines().count(), 1, "{text}");
    text.split_whitespace()
        .map(|pair| {
            let (name, value) = pair.split_once('=').expect("name=value");
            let value = value.trim_end_matches("KiB");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

#[test]
fn every_mark_gives_the_same_file_within_its_bound() {
    let path = format!("{FOLDER}/numbers.txt");
    for (count, mark) in [(100_000, 16_384), (100_000, 1024), (3000, 1), (300, 0)] {
        let (count_text, mark_text) = (count.to_string(), mark.to_string());
        let output = numbers(&[
            "--lines",
            &count_text,
            "--high-water-mark",
            &mark_text,
            &path,
        ]);
        assert!(output.status.success(), "{output:?}");
        let expected = lines(count);
        assert_eq!(
            std::fs::read_to_string(&path).expect("it is written"),
            expected
        );
        let summary = summary(&output);
        assert_eq!(summary["lines"], f64::from(count));
        assert_eq!(summary["bytes"], expected.len() as f64);
        assert_eq!(summary["waits"], summary["drains"]);
        #[cfg(target_os = "linux")]
        assert!(summary["memory"] > 0.0);
        assert!(
            summary["peak"] <= f64::from(mark.max(1) - 1 + 7),
            "{summary:?}"
        );
        // With the mark below every line, every line waits.
        assert!(mark > 1 || summary["waits"] == f64::from(count));
    }
}

#[test]
fn what_goes_wrong_is_said_in_one_line() {
    let missing = format!("{FOLDER}/no/numbers.txt");
    for (arguments, status, says) in [
        (vec!["/dev/full"], 1, "No space left on device"),
        (vec![&*missing], 1, "No such file or directory"),
        (vec![FOLDER], 1, "Is a directory"),
        (vec!["--lines", "many"], 2, "many"),
        (vec!["--high-water-mark", "-1"], 2, "-1"),
        (vec!["--colour"], 2, "--colour"),
        (vec!["one", "two"], 2, "two"),
    ] {
        let output = numbers(&arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(says), "{error}");
        assert!(output.stdout.is_empty());
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_destroys_and_says_what_was_not_written() {
    let mut child = example("numbers")
        .args(["--lines", "1000000000000", "/dev/stdout"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be run");
    let mut pipe = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    pipe.read_line(&mut text).expect("it is written");
    let kill = format!("kill -INT {}", child.id());
    let killed = Command::new("sh").args(["-c", &kill]).status();
    assert!(killed.expect("there is a shell").success(), "it runs");
    // It ends although the pipe has no reader: what the full pipe has not taken is in doubt.
    let output = child.wait_with_output().expect("it ends");
    pipe.read_to_string(&mut text).expect("it is written");

    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("numbers: interrupted: "), "{error}");
    let number = |name: &str| -> usize {
        let mut pairs = error
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(key, _)| *key == name).expect("it is said");
        value.parse().expect("a number")
    };
    let written = number("written");
    let _unsent = number("unsent");
    assert!(
        (written..=written + number("in_doubt")).contains(&text.len()),
        "{error}"
    );
    let count = u32::try_from(text.lines().count()).expect("it was stopped soon");
    assert!(
        lines(count).starts_with(&text),
        "not the first {count} lines"
    );
}
