//! P4: the instructions and allocations of the machine, and of a write on a lease: runs the bench of that name, and
//! tells where the instructions are.
//!
//! Needs valgrind (a package of that name in Debian), and
//! `cargo install --locked gungraun-runner --version 0.18.2`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

use highwater::machine::State;
use highwater_peers::profile::{Place, by_function};
use highwater_peers::{Failure, MANY, goal, goals};
use serde_json::Value;

const NEEDS: &str =
    "needs `valgrind`, and `cargo install --locked gungraun-runner --version 0.18.2`";

/// Loops of the bench, and what one turn of each may take, if there is a goal.
const LOOPS: [(&str, &str, Option<f64>); 7] = [
    (
        "answered_later",
        "a write, the sink's answer, the after-write",
        Some(170.0),
    ),
    (
        "answered_at_once",
        "a write with a callback, answered within the call, its tick",
        Some(365.0),
    ),
    ("while_busy", "a write while the sink is busy", Some(60.0)),
    (
        "through_the_driver",
        "a write and its answer through `Driver`",
        Some(335.0),
    ),
    (
        "on_a_lease",
        "a `write` of 7 bytes on the owner's lease",
        Some(25.0),
    ),
    (
        "corks_on_a_lease",
        "a cork of ten such writes, and its end",
        None,
    ),
    (
        "words_alone",
        "bare: 7 bytes into words that another thread may read, and how far they are filled",
        None,
    ),
];

/// The loops whose instructions are counted by function.
const PROFILED: [&str; 3] = ["while_busy", "answered_later", "on_a_lease"];

/// What is counted of one turn of a loop.
struct Counted {
    instructions: f64,
    allocations: f64,
}

/// Runs the bench; its profiles stay below `home`.
fn bench(home: &Path) -> Result<Vec<Value>, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["bench", "--locked", "--quiet", "-p", "highwater-peers"])
        .args(["--bench", "instructions", "--", "--output-format=json"])
        .arg("--home")
        .arg(home)
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

/// The instructions of each function in one turn of a loop. They must be all.
fn profile(results: &[Value], home: &Path, of: &str) -> Result<BTreeMap<Place, f64>, Failure> {
    let folder = home.join("highwater-peers/instructions/machine");
    let file = format!("{of}.many/callgrind.{of}.many.out");
    let peers = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = peers.ancestors().nth(2).unwrap_or(peers);
    let counted = by_function(&folder.join(file), root)?;
    let all: u64 = counted.values().sum();
    let total = total(results, of, "many", "Callgrind", "Ir")?;
    if all as f64 != total {
        return Err(format!("the profile of {of} has {all} instructions of {total}").into());
    }
    let each = |(place, count)| (place, count as f64 / f64::from(MANY));
    Ok(counted.into_iter().map(each).collect())
}

/// A table of functions: one that takes less than an instruction a turn is left out.
fn tell_profiles(results: &[Value], home: &Path) -> Result<(), Failure> {
    let mut rows = BTreeMap::<Place, [f64; PROFILED.len()]>::new();
    for (column, of) in PROFILED.into_iter().enumerate() {
        for (place, count) in profile(results, home, of)? {
            if let Some(cell) = rows.entry(place).or_default().get_mut(column) {
                *cell = count;
            }
        }
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.retain(|(_, counts)| counts.iter().any(|count| *count >= 0.5));
    rows.sort_by(|(_, a), (_, b)| b.partial_cmp(a).unwrap_or(Ordering::Equal));
    println!("\n| instructions in | a write while busy | a turn | a write on the lease |");
    println!("| --- | --- | --- | --- |");
    for ((file, function), [busy, turn, leased]) in rows {
        let place = match function.as_str() {
            "" => file,
            function => format!("{file} `{function}`"),
        };
        println!("| {place} | {busy:.0} | {turn:.0} | {leased:.0} |");
    }
    Ok(())
}

fn run() -> Result<(), Failure> {
    let home = tempfile::tempdir()?;
    let results = bench(home.path())?;
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
    tell_profiles(&results, home.path())?;
    goals();
    for (what, most, counted) in &all {
        if let Some(most) = *most {
            let what = format!("{what}, instructions");
            goal("P4", &what, counted.instructions, most);
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
