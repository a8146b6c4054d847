//! What the measuring programs share: where they write, how they take turns,
//! and how they print.
//!
//! An absolute time means little on a busy machine, so where there is a peer, a figure is
//! a ratio to it, measured in the same round, and the median of several rounds.

mod machine;
pub mod profile;
pub mod ways;

use std::error::Error;
use std::path::Path;

use tempfile::TempDir;

/// Whatever goes wrong ends the program with one line.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A folder in memory, if the system has one.
///
/// # Errors
///
/// If no folder can be made.
pub fn folder() -> Result<TempDir, Failure> {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    Ok(made?)
}

/// The number in the program's first argument, or this.
///
/// # Errors
///
/// If it is not a whole number greater than 0.
pub fn argument(name: &str, otherwise: u64) -> Result<u64, Failure> {
    match std::env::args().nth(1) {
        None => Ok(otherwise),
        Some(text) => match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("{name} is a whole number above 0, not {text:?}").into()),
        },
    }
}

/// The middle one.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median of the ratios, round by round.
pub fn ratio(these: &[f64], those: &[f64]) -> f64 {
    median(these.iter().zip(those).map(|(a, b)| a / b).collect())
}

/// The quartiles of the ratios, round by round.
pub fn quartiles(these: &[f64], those: &[f64]) -> [f64; 2] {
    let mut ratios: Vec<f64> = these.iter().zip(those).map(|(a, b)| a / b).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |index: usize| ratios.get(index).copied().unwrap_or(f64::NAN);
    [at(ratios.len() / 4), at(ratios.len() * 3 / 4)]
}

/// A row of the table of goals.
pub fn goal(id: &str, what: &str, reached: f64, most: f64) {
    row(
        id,
        what,
        reached,
        &format!("at most {most}"),
        reached <= most,
    );
}

/// A row of the table of goals.
pub fn goal_at_least(id: &str, what: &str, reached: f64, least: f64) {
    row(
        id,
        what,
        reached,
        &format!("at least {least}"),
        reached >= least,
    );
}

fn row(id: &str, what: &str, reached: f64, goal: &str, met: bool) {
    let verdict = if met { "met" } else { "missed" };
    println!("| {id} | {what} | {reached:.2} | {goal} | {verdict} |");
}

/// The head of the table of goals.
pub fn goals() {
    println!("\n| id | work | reached | goal | |\n| --- | --- | --- | --- | --- |");
}

/// Runs a program that measures: a failure, and a machine that was not quiet, is one line on
/// standard error, and the status 1.
pub fn main(name: &str, run: impl FnOnce() -> Result<(), Failure>) -> std::process::ExitCode {
    match machine::measured(run) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{name}: {failure}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// How often a loop runs whose instructions are counted.
pub const MANY: u32 = 1_000;
