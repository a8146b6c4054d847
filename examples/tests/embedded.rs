//! The example `embedded`, run as a person runs it.

mod common;

use std::collections::HashMap;
use std::process::Output;

use common::example;

fn embedded(arguments: &[&str]) -> Output {
    let output = example("embedded").args(arguments).output();
    output.expect("it can be run")
}

#[test]
fn every_line_arrives_and_every_wait_is_answered() {
    for lines in [0, 1, 7, 300, 5000] {
        let output = embedded(&[&lines.to_string()]);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text.lines().count(), 1, "{text}");
        let summary: HashMap<_, u32> = text
            .split_whitespace()
            .map(|pair| {
                let (name, value) = pair.split_once('=').expect("name=value");
                (name, value.parse().expect("a number"))
            })
            .collect();
        assert_eq!(summary["lines"], lines);
        // Seven digits, a blank, the dots, the end of the line.
        let bytes: u32 = (1..=lines).map(|n| 9 + n % 13).sum();
        assert_eq!(summary["bytes"], bytes);
        assert_eq!(summary["waits"], summary["drains"]);
        // Many lines do not go through a small ring without waiting.
        assert!(summary["waits"] >= lines / 8, "{summary:?}");
        // At most four bytes an interrupt.
        assert!(summary["interrupts"] * 4 >= bytes, "{summary:?}");
    }
}

#[test]
fn what_goes_wrong_is_said_in_one_line() {
    for (arguments, says) in [
        (&["many"][..], "many"),
        (&["-1"], "-1"),
        (&["1", "more"], "more"),
    ] {
        let output = embedded(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(says), "{error}");
        assert!(output.stdout.is_empty());
    }
}
