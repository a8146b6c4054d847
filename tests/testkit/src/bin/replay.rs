//! Plays scenarios, one JSON object a line, and prints what happened, one JSON
//! object a line.
//!
//! ```sh
//! cargo run --release -p highwater-testkit --bin replay -- --profile node|strict [--quirks A,B] [--stream-by-stream] [SCENARIOS [TRACES]]
//! ```
//!
//! The same scenarios, played against the real Node by `tests/node/oracle.js`,
//! give the same traces with `--profile node`.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use highwater::machine::Quirks;
use highwater_testkit::replay::streams::Order;
use highwater_testkit::replay::{player, scenario};

/// Play scenarios and print what happened, one JSON object a line.
#[derive(Parser)]
#[command(name = "replay", version)]
struct Arguments {
    /// The contract as it stands, or as Node breaks it.
    #[arg(long, value_enum, default_value = "strict")]
    profile: Profile,
    /// Single quirks on top of the profile.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    quirks: Vec<String>,
    /// A planted fault: run all ticks of one stream, then all of the next.
    #[arg(long)]
    stream_by_stream: bool,
    /// Where the scenarios are; `-` is standard input.
    #[arg(default_value = "-")]
    scenarios: PathBuf,
    /// Where the traces go; `-` is standard output.
    #[arg(default_value = "-")]
    traces: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Profile {
    Strict,
    Node,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("replay: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or("wrong arguments");
            return Err(line.trim_start_matches("error: ").into());
        }
        // --help and --version
        Err(text) => {
            print!("{text}");
            return Ok(());
        }
    };
    let quirks = quirks(&arguments)?;
    let order = if arguments.stream_by_stream {
        Order::StreamByStream
    } else {
        Order::Shared
    };
    // First, so that a wrong path does not empty the other file.
    let scenarios = input(&arguments.scenarios)?;
    let mut traces = output(&arguments.traces)?;
    for (index, line) in scenarios.lines().enumerate() {
        let wrong = |error: String| format!("line {}: {error}", index + 1);
        let line = line.map_err(|error| wrong(error.to_string()))?;
        if let Err(error) = play_line(&line, quirks, order, &mut traces) {
            // What was played before it is not lost.
            traces.flush()?;
            return Err(wrong(error.to_string()).into());
        }
    }
    Ok(traces.flush()?)
}

fn play_line(
    line: &str,
    quirks: Quirks,
    order: Order,
    traces: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    let scenario = scenario::parse(line, quirks)?;
    let lines = serde_json::to_string(&player::trace(&scenario, order))?;
    writeln!(traces, "{{\"id\":{},\"t\":{lines}}}", scenario.id)?;
    Ok(())
}

fn quirks(arguments: &Arguments) -> Result<Quirks, String> {
    let profile = match arguments.profile {
        Profile::Strict => Quirks::NONE,
        Profile::Node => Quirks::NODE,
    };
    arguments.quirks.iter().try_fold(profile, |all, name| {
        let quirk = Quirks::by_name(name).ok_or_else(|| format!("there is no quirk {name}"))?;
        Ok(all | quirk)
    })
}

fn input(path: &Path) -> Result<Box<dyn BufRead>, String> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(BufReader::new(file))),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

fn output(path: &Path) -> Result<Box<dyn Write>, String> {
    if path == Path::new("-") {
        return Ok(Box::new(BufWriter::new(io::stdout().lock())));
    }
    match File::create(path) {
        Ok(file) => Ok(Box::new(BufWriter::new(file))),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}
