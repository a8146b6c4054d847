//! What Node did in some thousand scenarios, recorded: with all quirks on, the
//! machine and its driver do the same, line for line.
//!
//! The recordings are in `spec/traces/`: `node.jsonl` is made by
//! `tests/node/record.js`; `found.jsonl` has those in which the machine, or a fault
//! planted in it, once differed.

mod support;

use highwater::machine::Quirks;
use serde_json::Value;

use support::{player, scenario};

/// The properties are left out of a line if they are those of the line before.
fn compact(lines: Vec<String>) -> Vec<String> {
    let mut before = String::new();
    lines
        .into_iter()
        .map(|line| match line.split_once(" | ") {
            Some((what, now)) if now == before => what.to_owned(),
            Some((_, now)) => {
                now.clone_into(&mut before);
                line
            }
            None => line,
        })
        .collect()
}

#[test]
fn the_machine_does_what_node_did() {
    let mut count = 0;
    let chosen = include_str!("../spec/traces/node.jsonl").lines();
    let found = include_str!("../spec/traces/found.jsonl").lines();
    for line in chosen.chain(found) {
        let recorded: Value = serde_json::from_str(line).expect("a recorded line");
        let scenario = scenario::parse(line, Quirks::NODE).expect("a scenario");
        let history = player::play(&scenario, player::EXTRA_TURNS);
        let ours = compact(history.iter().filter_map(|record| record.line()).collect());
        let node = recorded["t"].as_array().expect("a trace");
        let differing = (0..node.len().max(ours.len())).find(|&index| {
            node.get(index).and_then(Value::as_str) != ours.get(index).map(|s| &**s)
        });
        if let Some(at) = differing {
            let from = at.saturating_sub(5);
            panic!(
                "{line}\nboth:    {:?}\nnode:    {:?}\nmachine: {:?}",
                &ours[from.min(ours.len())..at.min(ours.len())],
                node.get(at),
                ours.get(at)
            );
        }
        count += 1;
    }
    assert!(count > 3000, "{count} scenarios");
}
