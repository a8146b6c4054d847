//! P1, P1b, P2 and P5: many short lines into a file in memory, one producer.
//!
//! `lines [COUNT]`, 2,000,000 lines by default, and a quarter of them of random length; nine
//! rounds, in each of which all ways write the same lines, and what arrived is compared.

use std::process::ExitCode;

use highwater_peers::ways::{Kind, Measured, busy_of, fastest_queue, measure, measure_random, of};
use highwater_peers::{Failure, argument, goal, goals, median, quartiles, ratio};

const ROUNDS: usize = 9;

/// A row for each way, compared with the one of this kind.
fn table(all: &[Measured], with: Kind) {
    let (with, with_busy) = (of(all, with), busy_of(all, with));
    println!(
        "| who | ns a line | to BufWriter | quartiles | producer's processor time, to BufWriter's |"
    );
    println!("| --- | --- | --- | --- | --- |");
    for way in all {
        let Measured {
            name, nanos, busy, ..
        } = way;
        let (median, to) = (way.median(), ratio(nanos, with));
        let [low, high] = quartiles(nanos, with);
        let busy = match busy.is_empty() {
            true => String::new(),
            false => format!("{:.2}", ratio(busy, with_busy)),
        };
        println!("| {name} | {median:.0} | {to:.2} | {low:.2} to {high:.2} | {busy} |");
    }
}

/// Where the time of a line goes: what the sink takes, and the time in which it is not called.
fn sink_table(all: &[Measured]) {
    println!("| who | bytes a call of the sink | in the sink, ns a line | the rest, ns a line |");
    println!("| --- | --- | --- | --- |");
    for Measured {
        name, nanos, sink, ..
    } in all
    {
        let bytes = median(sink.iter().map(|sink| sink.bytes).collect());
        let inside = median(sink.iter().map(|sink| sink.nanos).collect());
        let rest = nanos.iter().zip(sink).map(|(all, sink)| all - sink.nanos);
        let rest = median(rest.collect());
        println!("| {name} | {bytes:.0} | {inside:.0} | {rest:.0} |");
    }
}

/// What a line costs when nothing else is asked for.
fn plain_goals(all: &[Measured], random: &[Measured]) -> Result<(), Failure> {
    let buffered = of(all, Kind::Buffer);
    let plain = of(all, Kind::HighwaterThread);
    goal(
        "P1",
        "a line each, to BufWriter",
        ratio(plain, buffered),
        1.1,
    );
    let busy = busy_of(all, Kind::HighwaterThread);
    let busy = ratio(busy, busy_of(all, Kind::Buffer));
    let what = "the producer's processor time, to BufWriter's";
    goal("P1", what, busy, 1.0);
    let default = ratio(of(all, Kind::HighwaterDefault), buffered);
    let what = "a line each at the default mark, to BufWriter";
    goal("P1", what, default, 1.1);
    let to = |kind| ratio(of(random, kind), of(random, Kind::Random));
    let what = "a line of 1 to 200 bytes, to BufWriter";
    goal("P1", what, to(Kind::HighwaterRandom), 1.1);
    let what = "a line of 1 to 200 bytes at the default mark, to BufWriter";
    goal("P1", what, to(Kind::HighwaterRandomDefault), 1.1);
    let formatted = of(all, Kind::HighwaterFormatted);
    let formatted = ratio(formatted, of(all, Kind::Formatted));
    let what = "`writeln!`, to `writeln!` into BufWriter";
    goal("P1b", what, formatted, 1.1);
    let queue = fastest_queue(all)?;
    let what = format!("a line each, to the fastest queue: {}", queue.name);
    goal("P1", &what, ratio(plain, &queue.nanos), 0.25);
    let node = of(all, Kind::Node);
    if !node.is_empty() {
        goal("P1", "a line each, to Node", ratio(plain, node), 0.06);
    }
    Ok(())
}

/// What a line costs under a cork, and over tokio.
fn other_goals(all: &[Measured]) {
    let corks = |kind| ratio(of(all, kind), of(all, Kind::Buffer));
    let what = "cork guards of 1,000 lines, to BufWriter";
    goal("P2", what, corks(Kind::HighwaterCorks), 1.1);
    let what = "cork guards of 10 lines, to BufWriter";
    goal("P2", what, corks(Kind::HighwaterShortCorks), 1.5);
    let task = of(all, Kind::HighwaterTask);
    let to = |kind| ratio(task, of(all, kind));
    let what = "over tokio, to tokio's BufWriter";
    goal("P5", what, to(Kind::Task), 1.0);
    let what = "over tokio, to tokio's mpsc and a task";
    goal("P5", what, to(Kind::TaskQueue), 0.2);
}

fn run() -> Result<(), Failure> {
    let count = argument("COUNT", 2_000_000)?;
    let all = measure(count, ROUNDS)?;
    println!("{count} lines, {ROUNDS} rounds, medians:\n");
    table(&all, Kind::Buffer);
    if of(&all, Kind::Node).is_empty() {
        println!("| Node is not on the PATH | | |");
    }
    let count = count.div_ceil(4);
    let random = measure_random(count, ROUNDS)?;
    println!("\n{count} lines of 1 to 200 bytes, {ROUNDS} rounds, medians:\n");
    table(&random, Kind::Random);
    println!();
    sink_table(&random);
    goals();
    plain_goals(&all, &random)?;
    other_goals(&all);
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("lines", run)
}
