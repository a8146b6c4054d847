//! Where the instructions that callgrind has counted stand in the source: also those of
//! functions that were inlined, which its own tools give to the function around them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::Failure;

/// A function of the project: its file, without folder, and its name. What the compiler
/// brought along from elsewhere is `core and libraries`, without a name.
pub type Place = (String, String);

/// How many instructions were counted at each place, from a profile of callgrind whose
/// names and positions are not compressed (as gungraun has it), of a project in `root`.
///
/// # Errors
///
/// If it cannot be read, or tells no lines.
pub fn by_function(profile: &Path, root: &Path) -> Result<BTreeMap<Place, u64>, Failure> {
    let text =
        fs::read_to_string(profile).map_err(|error| format!("{}: {error}", profile.display()))?;
    let mut sources = Sources::new(root);
    let mut counted = BTreeMap::new();
    let mut file = "";
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        match line.split_once('=') {
            Some(("fl" | "fi" | "fe", name)) => file = name,
            // What a call costs also stands where it is spent.
            Some(("calls", _)) => drop(lines.next()),
            Some(_) => {}
            None => {
                if let Some((number, instructions)) = cost(line) {
                    *counted.entry(sources.place(file, number)).or_default() += instructions;
                }
            }
        }
    }
    if counted.keys().all(|(_, function)| function.is_empty()) {
        return Err(format!("{} tells no lines", profile.display()).into());
    }
    Ok(counted)
}

/// The number of a line, and its instructions.
fn cost(line: &str) -> Option<(usize, u64)> {
    let mut numbers = line.split(' ');
    let number = numbers.next()?.parse().ok()?;
    Some((number, numbers.next()?.parse().ok()?))
}

/// The lines of the project's files.
struct Sources<'a> {
    root: &'a Path,
    files: BTreeMap<String, Vec<String>>,
}

impl<'a> Sources<'a> {
    fn new(root: &'a Path) -> Self {
        let files = BTreeMap::new();
        Self { root, files }
    }

    /// The function that this line stands in.
    fn place(&mut self, file: &str, number: usize) -> Place {
        let lines = self.files.entry(file.into()).or_insert_with(|| {
            let ours = Path::new(file).starts_with(self.root);
            let text = ours.then(|| fs::read_to_string(file));
            let text = text.and_then(Result::ok).unwrap_or_default();
            text.lines().map(String::from).collect()
        });
        let before = lines.get(..number).unwrap_or_default();
        match before.iter().rev().find_map(|line| function(line)) {
            Some(function) => {
                let name = file.rsplit('/').next().unwrap_or(file);
                (name.into(), function.into())
            }
            None => ("core and libraries".into(), String::new()),
        }
    }
}

/// The name of the function that begins in this line.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let begins = before.is_empty() || before.ends_with(' ');
    let name = after.split(['(', '<']).next()?;
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (begins && is_name && !name.is_empty() && !before.contains("//")).then_some(name)
}
