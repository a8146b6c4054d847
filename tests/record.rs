//! Each driver writes down what it does (`src/driver/record.rs`), and each record is a run of the
//! machine. Only with `--cfg highwater_record`: `tests/record.sh` runs both tests.
#![cfg(highwater_record)]

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use highwater::machine::Quirks;
use highwater_testkit::records::{Seen, check};
use highwater_testkit::replay::streams::Order;
use highwater_testkit::replay::{player, scenario};

fn folder() -> PathBuf {
    let folder = env::var_os("HIGHWATER_RECORD");
    folder.expect("HIGHWATER_RECORD names a folder").into()
}

fn checked(path: &Path) -> Seen {
    let text = fs::read_to_string(path).expect("a file of records");
    check(&text).unwrap_or_else(|wrong| panic!("{}, {wrong}", path.display()))
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
    let seen = checked(&folder().join(format!("{}.records", process::id())));
    println!("{seen}");
    assert!(seen.records > 3_000, "{seen}");
}

/// What the tests that ran before have written down: between them, they take each kind of input.
#[test]
fn every_record_of_the_folder_is_a_run_of_the_machine() {
    let mut all = Seen::default();
    for entry in fs::read_dir(folder()).expect("the folder") {
        all.add(checked(&entry.expect("an entry").path()));
    }
    println!("{all}");
    assert!(all.missing().is_empty(), "{all}: {:?}", all.missing());
}
