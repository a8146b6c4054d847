//! P4: the instructions and allocations of the machine: runs the bench of that name.
//!
//! Needs valgrind (a package of that name in Debian), and
//! `cargo install --locked gungraun-runner --version 0.18.2`.

use std::process::{Command, ExitCode};

use highwater::machine::State;
use highwater_peers::{Failure, MANY, goal, goals};
use serde_json::Value;

const NEEDS: &str =
    "needs `valgrind`, and `cargo install --locked gungraun-runner --version 0.18.2`";

/// Loops of the bench, and what one turn of each may take.
const LOOPS: [(&str, &str, Option<f64>); 4] = [
    (
        "answered_later",
        "a write, the sink's answer, the after-write",
        Some(150.0),
    ),
    (
        "answered_at_once",
        "a write with a callback, answered within the call, its tick",
        Some(150.0),
    ),
    ("while_busy", "a write while the sink is busy", Some(25.0)),
    (
        "through_the_driver",
        "a write and its answer through `Driver`",
        None,
    ),
];

/// What is counted of one turn of a loop.
struct Counted {
    instructions: f64,
    allocations: f64,
}

fn bench() -> Result<Vec<Value>, Failure> {
    let home = tempfile::tempdir()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["bench", "--locked", "--quiet", "-p", "highwater-peers"])
        .args(["--bench", "instructions", "--", "--output-format=json"])
        .arg("--home")
        .arg(home.path())
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut errors = said.lines().filter(|line| line.contains("rror"));
        let error = errors.find(|line| !line.ends_with(':'));
        let error = error.unwrap_or("it does not say why");
        return Err(format!("the bench failed ({error}); it {NEEDS}").into());
    }
    let text = String::from_utf8(output.stdout)?;
    let results = text.lines().filter(|line| line.starts_with('{'));
    Ok(results
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?)
}

/// A total of the bench: of this function, at no repetition or at [`MANY`].
fn total(results: &[Value], of: &str, id: &str, tool: &str, metric: &str) -> Result<f64, Failure> {
    let result = results
        .iter()
        .find(|result| result["function_name"] == of && result["id"] == id);
    let profiles = result.and_then(|result| result["profiles"].as_array());
    let path = format!("/summaries/total/summary/{tool}/{metric}/metrics/Left/Int");
    let figure = profiles
        .into_iter()
        .flatten()
        .find_map(|profile| profile.pointer(&path)?.as_f64());
    figure.ok_or_else(|| format!("the bench gave no {metric} of {of}").into())
}

fn counted(results: &[Value], of: &str) -> Result<Counted, Failure> {
    let each = |tool, metric| -> Result<f64, Failure> {
        let many = total(results, of, "many", tool, metric)?;
        let none = total(results, of, "none", tool, metric)?;
        Ok((many - none) / f64::from(MANY))
    };
    Ok(Counted {
        instructions: each("Callgrind", "Ir")?,
        allocations: each("Dhat", "TotalBlocks")?,
    })
}

fn run() -> Result<(), Failure> {
    let results = bench()?;
    if counted(&results, "allocating")?.allocations < 1.0 {
        return Err("allocations are not counted".into());
    }
    let mut all = Vec::new();
    for (of, what, most) in LOOPS {
        all.push((what, most, counted(&results, of)?));
    }
    println!("| one turn | instructions | allocations |\n| --- | --- | --- |");
    for (what, _, counted) in &all {
        println!(
            "| {what} | {:.0} | {:.0} |",
            counted.instructions, counted.allocations
        );
    }
    goals();
    for (what, most, counted) in &all {
        if let Some(most) = most {
            let what = format!("{what}, instructions");
            goal("P4", &what, counted.instructions, *most);
        }
    }
    let allocations = all.iter().map(|(.., counted)| counted.allocations).sum();
    goal("P4", "allocations of all of these", allocations, 0.0);
    goal("P4", "bytes of a `State`", size_of::<State>() as f64, 64.0);
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("instructions", run)
}
