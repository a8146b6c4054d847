//! The machine beside the Node on the PATH, if there is one: fresh random
//! scenarios, whose traces must be equal, and the programs of `spec/NODE.md`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_testkit::random;
use serde_json::Value;

const SCENARIOS: &str = "20000";
const OF_SEVERAL: &str = "5000";

/// Its version, or `None`, said aloud.
fn node() -> Option<String> {
    match Command::new("node").arg("--version").output() {
        Ok(output) if output.status.success() => {
            Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        _ => {
            eprintln!("skipped: there is no node on the PATH");
            None
        }
    }
}

const REPLAY: &str = env!("CARGO_BIN_EXE_replay");

/// A script of `tests/node/`.
fn script(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    tests.join("node").join(name)
}

/// Compares fresh scenarios. Says whether all were equal, and what was printed.
fn compare(options: &[&str], count: &str) -> (bool, String) {
    let seed = random::seed().to_string();
    let output = Command::new("node")
        .arg(script("compare.js"))
        .args(options)
        .arg(REPLAY)
        .args([count, &seed])
        .output()
        .expect("node has a version, so it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    (
        output.status.success(),
        format!("again with HIGHWATER_SEED={seed}\n{said}{error}"),
    )
}

#[test]
fn fresh_scenarios_give_the_same_traces() {
    if node().is_none() {
        return;
    }
    let (equal, said) = compare(&[], SCENARIOS);
    assert!(equal, "{said}");
    let summary = format!("scenarios={SCENARIOS} different=0");
    assert!(said.contains(&summary), "{said}");
}

#[test]
fn fresh_scenarios_of_several_streams_give_the_same_traces() {
    if node().is_none() {
        return;
    }
    let (equal, said) = compare(&["--several"], OF_SEVERAL);
    assert!(equal, "{said}");
    let summary = format!("scenarios={OF_SEVERAL} different=0");
    assert!(said.contains(&summary), "{said}");
}

/// The planted fault: the comparison finds it and shows a smallest scenario.
#[test]
fn ticks_that_run_stream_by_stream_are_reported() {
    if node().is_none() {
        return;
    }
    let (equal, said) = compare(&["--several", "--stream-by-stream"], "50");
    assert!(
        !equal && said.contains("differs; the smallest like it:"),
        "{said}"
    );
    assert!(!said.contains("different=0 "), "{said}");
}

/// What Node does in the counterexamples of the specification: what the machine
/// does with all quirks on.
#[test]
fn the_counterexamples_are_those_of_node() {
    if node().is_none() {
        return;
    }
    let file = include_str!("../../../spec/counterexamples.jsonl");
    let kept = file
        .lines()
        .map(|line| serde_json::from_str(line).expect(line));
    let scenarios = kept.map(|kept: Value| format!("{}\n", kept["scenario"]));
    let scenarios: String = scenarios.collect();
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let path = folder.path().join("scenarios.jsonl");
    fs::write(&path, scenarios).expect("the folder is new");
    let traces = |command: &mut Command| -> Vec<Value> {
        let input = File::open(&path).expect("it was just written");
        let output = command.stdin(input).output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("JSON is text");
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).expect(line));
        lines.map(|trace: Value| trace["t"].clone()).collect()
    };
    let real = traces(Command::new("node").arg(script("oracle.js")));
    let machine = traces(Command::new(REPLAY).args(["--profile", "node"]));
    assert_eq!(real.len(), file.lines().count());
    assert_eq!(real, machine);
}

/// The programs of a page, each with what it prints.
fn programs(page: &str) -> Vec<(String, String)> {
    let mut programs = Vec::new();
    let mut blocks = page.split("```js\n").skip(1);
    blocks.by_ref().for_each(|rest| {
        let (program, rest) = rest.split_once("\n```").expect("it ends");
        let (_, rest) = rest.split_once("```text\n").expect("what it prints");
        let (prints, _) = rest.split_once("```").expect("it ends");
        programs.push((program.to_owned(), prints.to_owned()));
    });
    programs
}

#[test]
fn the_programs_of_the_page_print_what_it_says() {
    let Some(version) = node() else {
        return;
    };
    let programs = programs(include_str!("../../../spec/NODE.md"));
    assert_eq!(programs.len(), highwater::machine::Quirks::ALL.len());
    for (program, prints) in programs {
        let output = Command::new("node")
            .args(["-e", &program])
            .output()
            .expect("node has a version, so it runs");
        let printed = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(printed, prints, "{version}: {error}\n{program}");
    }
}
