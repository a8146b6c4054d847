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

/// The command line of a shell that runs the example with these redirections.
#[cfg(unix)]
fn redirected(arguments: &str, redirections: &str) -> Output {
    let cargo = example("numbers");
    let mut shell = Command::new("sh");
    let line = format!("exec \"$@\" {arguments} {redirections}");
    shell.args(["-c", &line, "sh"]).arg(cargo.get_program());
    shell.args(cargo.get_args());
    shell.current_dir(cargo.get_current_dir().expect("it has one"));
    shell.output().expect("there is a shell")
}

#[cfg(unix)]
#[test]
fn a_report_that_cannot_be_read_or_would_overwrite_the_lines_is_refused() {
    let path = format!("{FOLDER}/refused.txt");
    for (to, says) in [
        (">&-", "standard output is closed"),
        (&format!(">{path}"), "it is also standard output"),
    ] {
        let output = redirected(&format!("--lines 10 {path}"), to);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(std::fs::read(&path).expect("the shell made it"), b"");
}

/// `script` gives it a terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_person_reads_sentences_and_a_program_gets_pairs() {
    let path = format!("{FOLDER}/people.txt");
    for (porcelain, says) in [
        ("", "10 lines, 21 B, are written"),
        ("--porcelain", "lines=10"),
    ] {
        let cargo = example("numbers");
        let words: Vec<_> = cargo
            .get_args()
            .map(|word| word.to_string_lossy())
            .collect();
        let program = cargo.get_program().to_string_lossy();
        let line = format!(
            "{program} {} {porcelain} --lines 10 {path}",
            words.join(" ")
        );
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        script.current_dir(cargo.get_current_dir().expect("it has one"));
        let output = script.stdin(Stdio::null()).output().expect("it can be run");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains(says), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_that_the_parent_ignores_stays_ignored() {
    let cargo = example("numbers");
    let mut shell = Command::new("sh");
    let line = "trap '' INT; exec \"$@\" --lines 1000000000000 /dev/stdout";
    shell.args(["-c", line, "sh"]).arg(env!("CARGO"));
    // Without what comes before cargo: that would take the trap back.
    let words = cargo.get_args().skip_while(|word| *word != "run");
    shell.args(words);
    shell.current_dir(cargo.get_current_dir().expect("it has one"));
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = shell.spawn().expect("there is a shell");
    let mut pipe = BufReader::new(child.stdout.take().expect("a pipe"));
    pipe.read_line(&mut String::new()).expect("it is at work");
    send(&child, "INT");
    // It is at work still: more than the pipe holds comes.
    pipe.read_exact(&mut vec![0; 1 << 20]).expect("it goes on");
    send(&child, "TERM");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(143), "{output:?}");
}

#[cfg(unix)]
fn send(child: &std::process::Child, signal: &str) {
    let kill = format!("kill -{signal} {}", child.id());
    let killed = Command::new("sh").args(["-c", &kill]).status();
    assert!(killed.expect("there is a shell").success(), "it runs");
}

#[cfg(unix)]
#[test]
fn ctrl_c_destroys_and_says_what_was_not_written() {
    for (signal, status) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        a_signal_destroys(signal, status);
    }
}

#[cfg(unix)]
fn a_signal_destroys(signal: &str, status: i32) {
    let mut child = example("numbers")
        .args(["--lines", "1000000000000", "/dev/stdout"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be run");
    let mut pipe = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    pipe.read_line(&mut text).expect("it is written");
    send(&child, signal);
    // It ends although the pipe has no reader: what the full pipe has not taken is in doubt.
    let output = child.wait_with_output().expect("it ends");
    pipe.read_to_string(&mut text).expect("it is written");

    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{error}");
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
