//! The program `replay`, run as a person runs it, on lines that are no scenarios.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn replay(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_replay"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be run");
    let mut stdin = child.stdin.take().expect("it is piped");
    // It may have given up before it has read everything.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

const GOOD: &str = r#"{"id":7,"o":{"hwm":3},"sink":"s","turns":[["w2n"]]}"#;

#[test]
fn a_scenario_gives_a_trace() {
    let output = replay(&["--profile", "strict"], GOOD);
    assert!(output.status.success());
    let expected = "{\"id\":7,\"t\":[\"_write 2@1 | 1000000 2 0 -\",\
                    \"write1=true | 1000000 0 0 -\",\"-- | 1000000 0 0 -\"]}\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

/// Two streams that write in turn: `0:a 1:b 0:c 0:e 1:d`.
const TWO: &str = r#"{"streams":[{"o":{"hwm":9},"sink":"s"},{"o":{"hwm":9},"sink":"s"}],
"turns":[["0w1o","1w1o","0w1o","0w1o","1w1o"]]}"#;

#[test]
fn the_callbacks_of_two_streams_are_called_in_the_order_of_the_writes() {
    let callbacks = |arguments: &[&str]| {
        let output = replay(arguments, &TWO.replace('\n', ""));
        assert!(output.status.success());
        let trace: Value = serde_json::from_slice(&output.stdout).expect("a trace");
        let lines = trace["t"].as_array().expect("lines");
        let lines = lines.iter().map(|line| line.as_str().expect("a line"));
        let callbacks = lines.filter(|line| line.contains(" cb "));
        let named = callbacks.map(|line| line.split(" ok").next().expect("a part").to_owned());
        named.collect::<Vec<_>>()
    };
    assert_eq!(
        callbacks(&[]),
        ["0 cb w1", "1 cb w1", "0 cb w2", "0 cb w3", "1 cb w2"]
    );
    assert_eq!(
        callbacks(&["--stream-by-stream"]),
        ["0 cb w1", "0 cb w2", "0 cb w3", "1 cb w1", "1 cb w2"]
    );
}

#[test]
fn a_line_that_is_no_scenario_is_named() {
    for (line, says) in [
        ("nonsense", "expected"),
        ("[]", "o is missing"),
        (r#"{"o":{},"sink":"s","turns":[]}"#, "hwm is missing"),
        (
            r#"{"o":{"hwm":-1},"sink":"s","turns":[]}"#,
            "not a whole number",
        ),
        (
            r#"{"o":{"hwm":1,"ad":2},"sink":"s","turns":[]}"#,
            "not 0 or 1",
        ),
        (r#"{"o":{"hwm":1,"f":"p"},"sink":"s","turns":[]}"#, "o.f"),
        (r#"{"o":{"hwm":1},"sink":"","turns":[]}"#, "sink is empty"),
        (r#"{"o":{"hwm":1},"sink":"q","turns":[]}"#, "'q'"),
        (r#"{"o":{"hwm":1},"sink":"s","turns":[7]}"#, "not a list"),
        (
            r#"{"o":{"hwm":1},"sink":"s","turns":[["w1"]]}"#,
            "\"w1\" is no action",
        ),
        (
            r#"{"o":{"hwm":1},"sink":"s","turns":[["w-1n"]]}"#,
            "no action",
        ),
        (
            r#"{"o":{"hwm":1},"sink":"s","turns":[],"on":{"x":[]}}"#,
            "on.x",
        ),
        (r#"{"streams":7,"turns":[]}"#, "streams is not a list"),
        (r#"{"streams":[],"turns":[]}"#, "streams is empty"),
        (
            r#"{"streams":[{"o":{"hwm":1},"sink":"s"}],"turns":[["w1n"]]}"#,
            "\"w1n\" is no action",
        ),
        (
            r#"{"streams":[{"o":{"hwm":1},"sink":"s"}],"turns":[["1w1n"]]}"#,
            "none of the 1 streams",
        ),
        ("", "EOF"),
    ] {
        let output = replay(&[], &format!("{GOOD}\n{line}\n{GOOD}\n"));
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {error}");
        assert!(
            error.starts_with("replay: line 2: ") && error.contains(says),
            "{line}: {error}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
        // What came before is not lost.
        assert_eq!(
            output.stdout.iter().filter(|byte| **byte == b'\n').count(),
            1
        );
    }
}

/// Two of the three bytes are done: room again, before the sink answers.
#[test]
fn progress_makes_room_and_is_refused_by_the_profile_of_node() {
    let line = r#"{"id":1,"o":{"hwm":2,"lw":1},"sink":"m","turns":[["w3n","p2","k0"]]}"#;
    let output = replay(&["--profile", "strict"], line);
    let trace = String::from_utf8_lossy(&output.stdout);
    let parts = [
        "write1=false",
        "ev drain | 1000000 1 ",
        "progress | 1000000 1 ",
        "done",
    ];
    let at = parts.map(|part| trace.find(part));
    assert!(at.is_sorted() && at[0].is_some(), "{trace}");

    let output = replay(&["--profile", "node"], line);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(error, "replay: line 1: p is an action that Node has not\n");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn wrong_arguments_are_named() {
    for (arguments, says) in [
        (["--quirks", "MADE_UP"], "MADE_UP"),
        (["--profile", "sloppy"], "sloppy"),
        (["no/such/file", "-"], "no/such/file"),
        (["-", "no/such/folder/file"], "no/such/folder/file"),
    ] {
        let output = replay(&arguments, "");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(error.contains(says), "{error}");
    }
}
