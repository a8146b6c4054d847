//! P1, P2 and P5: many short lines into a file in memory, one producer.
//!
//! `lines [COUNT]`, 2,000,000 lines by default; seven rounds, in each of which
//! all ways write the same lines, and what arrived is compared.

use std::process::ExitCode;

use highwater_peers::ways::{Kind, Measured, fastest_queue, measure, of};
use highwater_peers::{Failure, argument, goal, goals, ratio};

const ROUNDS: usize = 7;

fn run() -> Result<(), Failure> {
    let count = argument("COUNT", 2_000_000)?;
    let all = measure(count, ROUNDS)?;
    let buffered = of(&all, Kind::Buffer);
    println!("{count} lines, {ROUNDS} rounds, medians:\n");
    println!("| who | ns a line | to BufWriter |\n| --- | --- | --- |");
    for way in &all {
        let Measured { name, nanos, .. } = way;
        println!(
            "| {name} | {:.0} | {:.2} |",
            way.median(),
            ratio(nanos, buffered)
        );
    }
    let node = of(&all, Kind::Node);
    if node.is_empty() {
        println!("| Node is not on the PATH | | |");
    }
    goals();
    let plain = of(&all, Kind::HighwaterThread);
    goal(
        "P1",
        "a line each, to BufWriter",
        ratio(plain, buffered),
        1.15,
    );
    let queue = fastest_queue(&all)?;
    let what = format!("a line each, to the fastest queue: {}", queue.name);
    goal("P1", &what, ratio(plain, &queue.nanos), 0.25);
    if !node.is_empty() {
        goal("P1", "a line each, to Node", ratio(plain, node), 0.06);
    }
    let corked = of(&all, Kind::HighwaterCorks);
    goal(
        "P2",
        "cork guards, to BufWriter",
        ratio(corked, buffered),
        1.0,
    );
    let task = of(&all, Kind::HighwaterTask);
    let (buffer, queue) = (of(&all, Kind::Task), of(&all, Kind::TaskQueue));
    goal(
        "P5",
        "over tokio, to tokio's BufWriter",
        ratio(task, buffer),
        1.0,
    );
    goal(
        "P5",
        "over tokio, to tokio's mpsc and a task",
        ratio(task, queue),
        0.2,
    );
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("lines", run)
}
