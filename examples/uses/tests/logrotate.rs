//! A log over `sink::Reopen` while the real `logrotate` moves or cuts its file (Debian:
//! `apt-get install logrotate`).

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use highwater::log::Log;
use highwater::sink::{Reopen, Reopener};
use highwater::{BoxError, Writable};

type Checked = Result<(), BoxError>;

/// How many times logrotate runs.
const RUNS: u64 = 10;

fn line(n: u64) -> String {
    format!("{n} {}.\n", "x".repeat((n * 7919 % 61) as usize))
}

/// Makes logrotate rotate the file now, also if it is short.
fn logrotate(folder: &Path, mode: &str) -> Checked {
    let (config, path) = (folder.join("config"), folder.join("logs/log"));
    let text = format!(
        "{} {{\n{mode}\nrotate 1000\nnocompress\n}}\n",
        path.display()
    );
    fs::write(&config, text)?;
    let output = Command::new("logrotate")
        .args(["--force", "--state"])
        .args([&folder.join("state"), &config])
        .output()
        .map_err(|error| format!("logrotate (Debian: apt-get install logrotate): {error}"))?;
    if !output.status.success() {
        return Err(format!("{output:?}").into());
    }
    Ok(())
}

/// Logs numbered lines while logrotate runs, each time until it has noticed that. Returns how
/// many lines.
fn write_through(
    folder: &Path,
    mode: &str,
    noticed: impl Fn(&Reopener) -> u64,
) -> Result<u64, BoxError> {
    fs::create_dir(folder.join("logs"))?;
    let file = Reopen::open(folder.join("logs/log"))?.look_every(Duration::from_millis(1));
    let reopener = file.reopener();
    let log = Log::builder()
        .stream(Writable::builder().high_water_mark(4096))
        .spawn(file)?;
    let mut writer = log.writer();
    let mut lines = 0;
    for run in 0..RUNS {
        let mut write = || -> Checked {
            writer.write_all(line(lines).as_bytes())?;
            lines += 1;
            Ok(())
        };
        for _ in 0..100 {
            write()?;
        }
        log.flush().wait()?; // an empty file is not rotated
        let rotating = std::thread::scope(|scope| {
            let rotating =
                scope.spawn(|| logrotate(folder, mode).map_err(|error| error.to_string()));
            while !rotating.is_finished() || noticed(&reopener) == run {
                write()?;
            }
            Ok::<_, BoxError>(rotating.join().map_err(|_| "a panic")?)
        })?;
        rotating?;
    }
    assert_eq!(log.dropped(), 0);
    log.end().wait()?;
    assert_eq!(reopener.failures(), 0);
    Ok(lines)
}

/// The texts of the files, the oldest first.
fn texts(folder: &Path) -> Result<Vec<String>, BoxError> {
    let log = folder.join("logs/log");
    let mut texts = Vec::new();
    for n in (1..=RUNS).rev() {
        let path = format!("{}.{n}", log.display());
        texts.push(fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?);
    }
    texts.push(fs::read_to_string(log)?);
    let files = fs::read_dir(folder.join("logs"))?.count();
    assert_eq!(files, texts.len(), "logrotate found a file in its way");
    Ok(texts)
}

#[test]
fn create_loses_and_tears_no_line() -> Checked {
    let folder = tempfile::tempdir()?;
    let lines = write_through(folder.path(), "create 0640", Reopener::reopens)?;
    let texts = texts(folder.path())?;
    for text in &texts {
        assert!(text.is_empty() || text.ends_with('\n'), "torn: {text}");
    }
    let expected: String = (0..lines).map(line).collect();
    assert_eq!(texts.concat().len(), expected.len());
    assert!(texts.concat() == expected, "lines are out of order");
    // The file is the one that logrotate has made.
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(folder.path().join("logs/log"))?.permissions(),
    );
    assert_eq!(mode & 0o777, 0o640);
    Ok(())
}

/// What comes between the copy and the cut is lost, and the copy may end within a line. Nothing
/// else: there is no hole, no torn line elsewhere, and no line out of order.
#[test]
fn copytruncate_tears_a_line_at_the_end_of_a_copy_only() -> Checked {
    let folder = tempfile::tempdir()?;
    let lines = write_through(folder.path(), "copytruncate", Reopener::cuts)?;
    let texts = texts(folder.path())?;
    let mut next = 0;
    for (at, text) in texts.iter().enumerate() {
        let mut first = true;
        for found in text.split_inclusive('\n') {
            if !found.ends_with('\n') {
                // The end of a copy. The log itself ends with a whole line.
                assert!(
                    at + 1 < texts.len() && text.ends_with(found),
                    "torn: {found}"
                );
                break;
            }
            let number = found.split(' ').next().map(str::parse::<u64>);
            let Some(Ok(number)) = number else {
                return Err(format!("torn: {found}").into());
            };
            assert_eq!(found, line(number));
            // Lines are lost between two files only.
            assert!(
                number == next || first && number > next,
                "{number}, not {next}"
            );
            first = false;
            next = number + 1;
        }
    }
    assert_eq!(next, lines, "the last lines are lost");
    Ok(())
}
