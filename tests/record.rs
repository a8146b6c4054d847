//! Each driver writes down what it does (`src/driver/record.rs`), and each record is a run of the
//! machine. Only with `--cfg highwater_record`: `tests/record.sh` runs these tests.
#![cfg(highwater_record)]

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use highwater::machine::Quirks;
use highwater_testkit::explore::bounds::Bounds;
use highwater_testkit::explore::walk;
use highwater_testkit::records::{Graphs, Seen};
use highwater_testkit::replay::streams::Order;
use highwater_testkit::replay::{player, scenario};

/// So many different steps of each kind of input go to the encoding of the proof.
const STEPS: usize = 2_000;

fn spec() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spec")
}

fn folder() -> PathBuf {
    let folder = env::var_os("HIGHWATER_RECORD");
    folder.expect("HIGHWATER_RECORD names a folder").into()
}

fn nothing() -> Seen {
    Seen::new(Graphs::read(&spec()).expect("the configurations"))
}

fn check(seen: &mut Seen, path: &Path) {
    let text = fs::read_to_string(path).expect("a file of records");
    let checked = seen.check(&text);
    checked.unwrap_or_else(|wrong| panic!("{}, {wrong}", path.display()));
}

/// What this process has written down so far.
fn own() -> Seen {
    let mut seen = nothing();
    check(
        &mut seen,
        &folder().join(format!("{}.records", process::id())),
    );
    seen
}

/// What Node was compared with, played with Node's quirks and without.
#[test]
fn scenarios_are_runs_of_the_machine() {
    for line in include_str!("../spec/traces/node.jsonl").lines() {
        for quirks in [Quirks::NONE, Quirks::NODE] {
            let scenario = scenario::parse(line, quirks).expect("a scenario");
            let _ = player::trace(&scenario, Order::Shared);
        }
    }
    let seen = own();
    println!("{seen}");
    assert!(seen.records > 3_000, "{seen}");
}

/// A driver that is led over every edge of a graph has records that take every edge of it: so
/// the actions of a record are those that were taken.
#[test]
fn records_of_every_edge_walk_over_every_edge() {
    let graphs = ["nested", "marks"].map(|name| {
        let bounds = Bounds::read(&spec(), name, &[]).expect("a configuration");
        let edges = walk::every_edge(&bounds).expect("the driver is where the graph is");
        (name, edges)
    });
    let seen = own();
    println!("{seen}");
    for (name, edges) in graphs {
        assert_eq!(seen.graphs.edges_of(name), Some((edges, edges)), "{name}");
    }
}

/// The actions of the world, as `Writable.tla` lists them.
fn actions(text: &str) -> Vec<&str> {
    let (_, text) = text.split_once("UserNext ==").expect("the producer's");
    let (text, _) = text.split_once("\nNext ==").expect("all");
    let names = text.split_whitespace();
    let names = names.filter(|name| name.chars().all(char::is_alphabetic));
    let mut actions: Vec<_> = names.filter(|name| *name != "AnswerNext").collect();
    actions.extend(["Return", "RunTick"]);
    actions
}

/// What the tests that ran before have written down: between them, they take each kind of input.
#[test]
fn every_record_of_the_folder_is_a_run_of_the_machine() {
    let mut all = nothing();
    for entry in fs::read_dir(folder()).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|name| name == "records") {
            check(&mut all, &path);
        }
    }
    let text = fs::read_to_string(spec().join("Writable.tla")).expect("the specification");
    let actions = actions(&text);
    let untaken = all.untaken(&actions);
    let (walked, edges) = all.graphs.edges();
    let (taken, of) = (actions.len() - untaken.len(), actions.len());
    print!("{}", all.graphs.table());
    for (why, count) in &all.left {
        println!("  followed in part: {count} runs, {why}");
    }
    println!("RESULT record {all} actions={taken}/{of} edges={walked}/{edges}");
    let steps = fs::File::create(folder().join("steps")).expect("a file of steps");
    let written = all.write_steps(STEPS, io::BufWriter::new(steps));
    println!(
        "{} steps go to the encoding",
        written.expect("the steps are written")
    );
    assert!(untaken.is_empty(), "{untaken:?}");
    assert!(all.missing().is_empty(), "{all}: {:?}", all.missing());
}
