//! What Node did in some thousand scenarios, recorded: with all quirks on, the
//! machine and its driver do the same, line for line.
//!
//! The recordings are in `spec/traces/`: `node.jsonl` is made by
//! `tests/node/record.js`, and so is `several.jsonl`, with scenarios of two and three
//! streams; `found.jsonl` has those in which the machine, or a fault planted in it, once
//! differed.

use highwater::machine::Quirks;
use highwater_testkit::replay::streams::Order;
use highwater_testkit::replay::{player, scenario};
use serde_json::Value;

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

/// Plays a recorded scenario in this order of ticks, and says where the machine first
/// differs from Node, if it does.
fn difference(line: &str, order: Order) -> Option<String> {
    let recorded: Value = serde_json::from_str(line).expect("a recorded line");
    let scenario = scenario::parse(line, Quirks::NODE).expect("a scenario");
    let ours = compact(player::trace(&scenario, order));
    let node = recorded["t"].as_array().expect("a trace");
    let at = (0..node.len().max(ours.len()))
        .find(|&index| node.get(index).and_then(Value::as_str) != ours.get(index).map(|s| &**s))?;
    let from = at.saturating_sub(5);
    Some(format!(
        "{line}\nboth:    {:?}\nnode:    {:?}\nmachine: {:?}",
        &ours[from.min(ours.len())..at.min(ours.len())],
        node.get(at),
        ours.get(at)
    ))
}

#[test]
fn the_machine_does_what_node_did() {
    let mut count = 0;
    let chosen = include_str!("../spec/traces/node.jsonl").lines();
    let found = include_str!("../spec/traces/found.jsonl").lines();
    for line in chosen.chain(found) {
        if let Some(difference) = difference(line, Order::Shared) {
            panic!("{difference}");
        }
        count += 1;
    }
    assert!(count > 3000, "{count} scenarios");
}

const SEVERAL: &str = include_str!("../spec/traces/several.jsonl");

#[test]
fn several_streams_do_what_they_did_in_node() {
    for line in SEVERAL.lines() {
        if let Some(difference) = difference(line, Order::Shared) {
            panic!("{difference}");
        }
    }
    assert!(SEVERAL.lines().count() > 200);
}

/// The planted fault: ticks that run stream by stream are noticed in every scenario.
#[test]
fn several_streams_with_a_fifo_each_differ_from_node() {
    for line in SEVERAL.lines() {
        assert!(difference(line, Order::StreamByStream).is_some(), "{line}");
    }
}
