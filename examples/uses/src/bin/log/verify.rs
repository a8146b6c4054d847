//! What arrived: whole lines, of each thread in order, none twice.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use highwater_uses::Failure;

use crate::events;

/// What a log says of lines that it dropped.
pub(crate) fn report(lines: u64) -> String {
    format!("{DROPPED}{lines}\n")
}

const DROPPED: &str = "lines dropped here: ";

/// How many lines stand in these files, one after the other, behind this many bytes
/// of the first. Numbers may be missing, if lines were dropped; they must rise.
pub(crate) fn lines(files: &[PathBuf], behind: u64, threads: u64) -> Result<u64, Failure> {
    found(files, behind, threads).map(|(lines, _)| lines)
}

/// The same, and how many others the log says were dropped.
pub(crate) fn found(files: &[PathBuf], behind: u64, threads: u64) -> Result<(u64, u64), Failure> {
    let mut lines = Lines::of(threads);
    for (index, file) in files.iter().enumerate() {
        let behind = if index == 0 { behind } else { 0 };
        open(file, behind)
            .and_then(|lines| lines.collect::<Result<Vec<_>, _>>())
            .map_err(|error| Failure::of(&file.display().to_string(), &error))?
            .iter()
            .try_for_each(|line| lines.take(line))?;
    }
    Ok((lines.count, lines.reported))
}

fn open(file: &PathBuf, behind: u64) -> io::Result<io::Lines<BufReader<File>>> {
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(behind))?;
    Ok(BufReader::new(file).lines())
}

struct Lines {
    /// The last number of each thread.
    last: Vec<Option<u64>>,
    count: u64,
    reported: u64,
}

impl Lines {
    fn of(threads: u64) -> Self {
        Self {
            last: (0..threads).map(|_| None).collect(),
            count: 0,
            reported: 0,
        }
    }

    fn take(&mut self, line: &str) -> Result<(), Failure> {
        if let Some(Ok(lines)) = line.strip_prefix(DROPPED).map(str::parse::<u64>) {
            self.reported += lines;
            return Ok(());
        }
        let Some((thread, number)) = parse(line.trim_start()) else {
            return Err(wrong("no whole line", line));
        };
        let thread = usize::try_from(thread).unwrap_or(usize::MAX);
        match self.last.get_mut(thread) {
            Some(last) if last.is_none_or(|last| last < number) => *last = Some(number),
            Some(_) => return Err(wrong("out of order, or twice", line)),
            None => return Err(wrong("of no thread", line)),
        }
        self.count += 1;
        Ok(())
    }
}

/// The thread and the number, if it is exactly what was logged.
fn parse(line: &str) -> Option<(u64, u64)> {
    let (rest, number) = line.rsplit_once(" number=")?;
    let (_, thread) = rest.rsplit_once(" thread=")?;
    let (thread, number) = (thread.parse().ok()?, number.parse().ok()?);
    (events::line(thread, number) == line).then_some((thread, number))
}

fn wrong(what: &str, line: &str) -> Failure {
    Failure::new(format!("this arrived, and is {what}: {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Checked = Result<(), Box<dyn std::error::Error>>;

    fn verdict(lines: &[String]) -> Result<Option<u64>, io::Error> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log");
        std::fs::write(&path, lines.concat())?;
        Ok(super::lines(&[path], 0, 2).ok())
    }

    #[test]
    fn what_is_spoilt_is_found() -> Checked {
        let line = |thread, number| events::line(thread, number) + "\n";
        let good = [line(0, 0), line(1, 0), line(0, 1), line(1, 1)];
        assert_eq!(verdict(&good)?, Some(4));
        let mut doubled = good.to_vec();
        doubled.push(line(1, 1));
        assert_eq!(verdict(&doubled)?, None);
        let mut swapped = good.to_vec();
        swapped.swap(0, 2);
        assert_eq!(verdict(&swapped)?, None);
        let mut torn = good.to_vec();
        torn[1].truncate(10);
        assert_eq!(verdict(&torn)?, None);
        assert_eq!(verdict(&[line(2, 0)])?, None, "of no thread");
        assert_eq!(verdict(&good[..3])?, Some(3), "one is missing");
        Ok(())
    }
}
