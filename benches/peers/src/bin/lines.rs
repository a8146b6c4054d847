//! P1, P1b, P2 and P5: many short lines into a file in memory, one producer.
//!
//! `lines [COUNT]`, 2,000,000 lines by default; nine rounds, in each of which
//! all ways write the same lines, and what arrived is compared.

use std::process::ExitCode;

use highwater_peers::ways::{Kind, Measured, busy_of, fastest_queue, measure, of};
use highwater_peers::{Failure, argument, goal, goals, quartiles, ratio};

const ROUNDS: usize = 9;

fn run() -> Result<(), Failure> {
    let count = argument("COUNT", 2_000_000)?;
    let all = measure(count, ROUNDS)?;
    let buffered = of(&all, Kind::Buffer);
    println!("{count} lines, {ROUNDS} rounds, medians:\n");
    println!(
        "| who | ns a line | to BufWriter | quartiles | producer's processor time, to BufWriter's |"
    );
    println!("| --- | --- | --- | --- | --- |");
    let buffered_busy = busy_of(&all, Kind::Buffer);
    for way in &all {
        let Measured {
            name, nanos, busy, ..
        } = way;
        let (median, to) = (way.median(), ratio(nanos, buffered));
        let [low, high] = quartiles(nanos, buffered);
        let busy = match busy.is_empty() {
            true => String::new(),
            false => format!("{:.2}", ratio(busy, buffered_busy)),
        };
        println!("| {name} | {median:.0} | {to:.2} | {low:.2} to {high:.2} | {busy} |");
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
        1.1,
    );
    let busy = ratio(busy_of(&all, Kind::HighwaterThread), buffered_busy);
    goal(
        "P1",
        "the producer's processor time, to BufWriter's",
        busy,
        1.0,
    );
    let default = ratio(of(&all, Kind::HighwaterDefault), buffered);
    goal(
        "P1",
        "a line each at the default mark, to BufWriter",
        default,
        1.1,
    );
    let formatted = of(&all, Kind::HighwaterFormatted);
    let formatted = ratio(formatted, of(&all, Kind::Formatted));
    goal(
        "P1b",
        "`writeln!`, to `writeln!` into BufWriter",
        formatted,
        1.1,
    );
    let queue = fastest_queue(&all)?;
    let what = format!("a line each, to the fastest queue: {}", queue.name);
    goal("P1", &what, ratio(plain, &queue.nanos), 0.25);
    if !node.is_empty() {
        goal("P1", "a line each, to Node", ratio(plain, node), 0.06);
    }
    for (kind, what, most) in [
        (
            Kind::HighwaterCorks,
            "cork guards of 1,000 lines, to BufWriter",
            1.1,
        ),
        (
            Kind::HighwaterShortCorks,
            "cork guards of 10 lines, to BufWriter",
            1.5,
        ),
    ] {
        goal("P2", what, ratio(of(&all, kind), buffered), most);
    }
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
