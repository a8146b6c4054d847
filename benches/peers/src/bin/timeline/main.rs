//! Draws what it measures: the level of a stream over time, and the peers of P1
//! as bars.
//!
//! `timeline [LEVEL.svg [PEERS.svg]]`, into `benches/pictures` of the current folder
//! by default.

mod bars;
mod level;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use highwater_peers::{Failure, ways};

const LINES: u64 = 1_000_000;
const ROUNDS: usize = 7;

fn path(argument: usize, otherwise: &str) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(
        std::env::args_os()
            .nth(argument)
            .unwrap_or_else(|| otherwise.into()),
    );
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
    }
    Ok(path)
}

/// An error, with the path it is about.
fn at(path: &Path, error: impl std::fmt::Display) -> Failure {
    format!("{}: {error}", path.display()).into()
}

fn run() -> Result<(), Failure> {
    let level = path(1, "benches/pictures/level.svg")?;
    let peers = path(2, "benches/pictures/peers.svg")?;
    level::draw(&level::measure()?, &level).map_err(|error| at(&level, error))?;
    println!("{}", level.display());
    let measured = ways::measure(LINES, ROUNDS)?;
    bars::draw(&measured, &peers).map_err(|error| at(&peers, error))?;
    println!("{}", peers.display());
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("timeline", run)
}
