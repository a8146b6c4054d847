//! Explores the real machine within the bounds of the specification: spans its
//! state graph, compares it with that of the specification, checks every
//! invariant in every state, and writes down the steps it takes.
//!
//! ```sh
//! cargo run --release -p highwater-testkit --bin explore -- check --config small
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use highwater_testkit::explore::bounds::Bounds;
use highwater_testkit::explore::graph::Graph;
use highwater_testkit::explore::{check, diagram, steps, tla};

/// Explore the machine within the bounds of the specification.
#[derive(Parser)]
#[command(name = "explore", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Configuration {
    /// Its name in configurations.txt.
    #[arg(long)]
    config: String,
    /// Change a constant.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    changes: Vec<String>,
    /// Where the specification is.
    #[arg(long, default_value = "spec")]
    spec: PathBuf,
}

impl Configuration {
    fn bounds(&self) -> Result<Bounds, String> {
        Bounds::read(&self.spec, &self.config, &self.changes)
    }

    fn fingerprint(&self) -> Result<String, String> {
        Bounds::fingerprint(&self.spec, &self.config)
    }
}

#[derive(Subcommand)]
enum Command {
    /// Print the state graph of the machine.
    Graph(Configuration),
    /// Compare the state graph of the machine with a file: one that was
    /// exported from the specification (.dot), or one of spec/golden.
    Compare {
        #[command(flatten)]
        configuration: Configuration,
        /// The file.
        graph: PathBuf,
    },
    /// Print a graph that was exported from the specification as it is kept in spec/golden.
    Import {
        #[command(flatten)]
        configuration: Configuration,
        /// The file.
        dot: PathBuf,
    },
    /// Print the phases of these graphs and what leads from one to another, as SVG.
    Diagram {
        /// Files of spec/golden.
        #[arg(required = true)]
        graphs: Vec<PathBuf>,
    },
    /// Check every invariant in every state of the machine.
    Check {
        #[command(flatten)]
        configuration: Configuration,
        /// How many calls the user may make.
        #[arg(long, default_value_t = 5)]
        calls: u8,
    },
    /// Look for the shortest way to break an invariant, in turns as Node's, and
    /// print it as a scenario for the program `replay`.
    Scenario {
        #[command(flatten)]
        configuration: Configuration,
        /// How many calls the user may make.
        #[arg(long, default_value_t = 4)]
        calls: u8,
        /// The invariant.
        #[arg(long)]
        breaks: String,
    },
    /// Print every different step that the machine takes: options, state before,
    /// head of the queue, input, state after, effect and continuation.
    Steps(Configuration),
    /// Print the steps of random long runs with large numbers.
    Walk {
        /// What the random numbers come from.
        #[arg(long)]
        seed: u64,
        /// How many.
        #[arg(long, default_value_t = 100_000)]
        steps: usize,
    },
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match run(&arguments.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("explore: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all is well.
fn run(command: &Command) -> Result<bool, String> {
    match command {
        Command::Graph(configuration) => {
            print(&Graph::span(&configuration.bounds()?).write(&configuration.fingerprint()?))?;
            Ok(true)
        }
        Command::Compare {
            configuration,
            graph,
        } => {
            let specified = read_graph(graph)?;
            Ok(compare(&specified, &Graph::span(&configuration.bounds()?)))
        }
        Command::Import { configuration, dot } => {
            print(&read_graph(dot)?.write(&configuration.fingerprint()?))?;
            Ok(true)
        }
        Command::Diagram { graphs } => {
            let graphs: Result<Vec<_>, _> = graphs.iter().map(|path| read_graph(path)).collect();
            print(&diagram::draw(&graphs?)?)?;
            Ok(true)
        }
        Command::Check {
            configuration,
            calls,
        } => check(&configuration.bounds()?, *calls),
        Command::Scenario {
            configuration,
            calls,
            breaks,
        } => {
            let found = check::counterexample(&configuration.bounds()?, *calls, breaks);
            let scenario = found.ok_or(format!("{breaks} holds in all states"))?;
            print(&format!("{scenario}\n"))?;
            Ok(true)
        }
        Command::Steps(configuration) => {
            steps::all(&configuration.bounds()?, std::io::stdout().lock())?;
            Ok(true)
        }
        Command::Walk { seed, steps } => {
            steps::walk(*seed, *steps, std::io::stdout().lock())?;
            Ok(true)
        }
    }
}

fn print(text: &str) -> Result<(), String> {
    use std::io::Write as _;
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|error| format!("standard output: {error}"))
}

fn read_graph(path: &Path) -> Result<Graph, String> {
    let name = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| name(&error))?;
    let dot = path.extension().is_some_and(|extension| extension == "dot");
    let graph = if dot {
        tla::read(&text)
    } else {
        Graph::read(&text).map(|(_, graph)| graph)
    };
    graph.map_err(|error| name(&error))
}

fn compare(specified: &Graph, code: &Graph) -> bool {
    if let Some(difference) = specified.difference(code) {
        println!("the code and the specification differ\n{difference}");
        return false;
    }
    println!(
        "RESULT compare states={} edges={}",
        code.states(),
        code.edges()
    );
    true
}

fn check(bounds: &Bounds, calls: u8) -> Result<bool, String> {
    let numbered = bounds.numbered(calls);
    let (safety, _) = check::safety(&numbered, None);
    let liveness = if bounds.twice {
        check::Outcome::default()
    } else {
        check::liveness(bounds)
    };
    for (name, how) in safety.broken.iter().chain(&liveness.broken) {
        println!("{name} is broken\n{how}");
    }
    println!(
        "RESULT check states={} edges={}",
        safety.states + liveness.states,
        safety.edges + liveness.edges
    );
    Ok(safety.broken.is_none() && liveness.broken.is_none())
}
