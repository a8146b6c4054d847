//! A file that notices by itself that it was moved, deleted or cut. What it does when it is
//! asked: `tests/log.rs`. With the real logrotate: `examples/uses/tests/logrotate.rs`.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use highwater::BoxError;
use highwater::log::Log;
use highwater::sink::Reopen;
use tempfile::TempDir;

type Checked = Result<(), BoxError>;

/// A file in a folder, and what it tells.
struct Case {
    folder: TempDir,
    file: Reopen,
    told: Receiver<(PathBuf, ErrorKind)>,
}

impl Case {
    fn new(look_every: Duration) -> Result<Self, BoxError> {
        let folder = tempfile::tempdir()?;
        let (tell, told) = mpsc::channel();
        let file = Reopen::open(folder.path().join("log"))?
            .look_every(look_every)
            .on_error(move |error| {
                let _ = tell.send((error.path().to_owned(), error.error().kind()));
            });
        Ok(Self { folder, file, told })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> Result<String, BoxError> {
        read(&self.path(name))
    }
}

fn read(path: &Path) -> Result<String, BoxError> {
    Ok(fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?)
}

#[test]
fn a_file_that_another_has_replaced_is_opened_at_the_next_look() -> Checked {
    let mut case = Case::new(Duration::ZERO)?;
    case.file.write_all(b"one\n")?;
    fs::rename(case.path("log"), case.path("old"))?;
    File::create(case.path("log"))?;
    case.file.write_all(b"two\n")?;
    assert_eq!(case.read("old")?, "one\n");
    assert_eq!(case.read("log")?, "two\n");
    assert_eq!(case.file.reopener().reopens(), 1);
    Ok(())
}

/// A tool makes the new file a moment after the move, with its own mode and owner.
#[test]
fn a_moved_file_leaves_a_tool_one_look_to_make_the_new_one() -> Checked {
    let mut case = Case::new(Duration::ZERO)?;
    fs::rename(case.path("log"), case.path("old"))?;
    case.file.write_all(b"one\n")?;
    assert!(!case.path("log").exists());
    case.file.write_all(b"two\n")?;
    assert_eq!(case.read("old")?, "one\n");
    assert_eq!(case.read("log")?, "two\n");
    // Each move has a look of its own.
    fs::rename(case.path("log"), case.path("older"))?;
    case.file.flush()?;
    assert!(!case.path("log").exists());
    case.file.flush()?;
    assert!(case.path("log").exists());
    Ok(())
}

#[test]
fn a_deleted_file_is_made_again_at_the_next_look() -> Checked {
    let mut case = Case::new(Duration::ZERO)?;
    case.file.write_all(b"one\n")?;
    fs::remove_file(case.path("log"))?;
    case.file.write_all(b"two\n")?;
    assert_eq!(case.read("log")?, "two\n");
    Ok(())
}

#[test]
fn a_file_that_was_cut_goes_on_at_its_new_beginning() -> Checked {
    let mut case = Case::new(Duration::ZERO)?;
    let reopener = case.file.reopener();
    for cuts in 1..=3 {
        case.file.write_all(b"before\n")?;
        assert_eq!(reopener.cuts(), cuts - 1);
        File::create(case.path("log"))?;
        case.file.write_all(b"after\n")?;
        assert_eq!(case.read("log")?, "after\n");
        assert_eq!((reopener.cuts(), reopener.reopens()), (cuts, 0));
    }
    Ok(())
}

#[test]
fn a_file_stays_open_as_long_as_its_path_leads_to_it() -> Checked {
    let mut case = Case::new(Duration::ZERO)?;
    fs::hard_link(case.path("log"), case.path("other"))?;
    for _ in 0..100 {
        case.file.write_all(b"a line\n")?;
    }
    // Another name of the same file.
    fs::remove_file(case.path("log"))?;
    std::os::unix::fs::symlink("other", case.path("log"))?;
    case.file.write_all(b"a line\n")?;
    assert_eq!(case.file.reopener().reopens(), 0);
    assert_eq!(case.read("log")?.len(), 101 * 7);
    Ok(())
}

#[test]
fn a_folder_in_the_place_of_the_file_is_reported_and_the_old_file_goes_on() -> Checked {
    let mut case = Case::new(Duration::ZERO)?;
    fs::rename(case.path("log"), case.path("old"))?;
    fs::create_dir(case.path("log"))?;
    case.file.write_all(b"one\n")?;
    case.file.write_all(b"two\n")?;
    assert_eq!(case.file.reopener().failures(), 2);
    for _ in 0..2 {
        assert_eq!(
            case.told.try_recv()?,
            (case.path("log"), ErrorKind::IsADirectory)
        );
    }
    fs::remove_dir(case.path("log"))?;
    File::create(case.path("log"))?;
    case.file.write_all(b"three\n")?;
    assert!(case.told.try_recv().is_err());
    assert_eq!(case.read("old")?, "one\ntwo\n");
    assert_eq!(case.read("log")?, "three\n");
    Ok(())
}

/// To open a pipe without a reader waits for one.
#[cfg(target_os = "linux")]
#[test]
fn a_pipe_in_its_place_stops_no_line() -> Checked {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let mut case = Case::new(Duration::ZERO)?;
    fs::rename(case.path("log"), case.path("old"))?;
    mknodat(CWD, case.path("log"), FileType::Fifo, Mode::RWXU, 0)?;
    case.file.write_all(b"a line\n")?;
    assert_eq!(case.told.try_recv()?, (case.path("log"), ErrorKind::Other));
    assert_eq!(case.read("old")?, "a line\n");
    Ok(())
}

#[test]
fn a_failure_is_not_tried_again_at_each_line() -> Checked {
    let mut case = Case::new(Duration::MAX)?;
    let reopener = case.file.reopener();
    fs::rename(case.path("log"), case.path("old"))?;
    fs::create_dir(case.path("log"))?;
    case.file.write_all(b"not looked yet\n")?;
    assert_eq!(reopener.failures(), 0);
    for asked in 1..=2 {
        reopener.reopen();
        for _ in 0..1000 {
            case.file.write_all(b"a line\n")?;
        }
        assert_eq!(reopener.failures(), asked);
    }
    assert!(reopener.is_pending());
    fs::remove_dir(case.path("log"))?;
    reopener.reopen();
    case.file.write_all(b"a line\n")?;
    assert!(!reopener.is_pending());
    assert_eq!(case.read("log")?, "a line\n");
    Ok(())
}

#[test]
fn a_line_that_was_begun_is_finished_in_the_moved_file() -> Checked {
    let mut case = Case::new(Duration::ZERO)?;
    fs::rename(case.path("log"), case.path("old"))?;
    File::create(case.path("log"))?;
    case.file.write_all(b"on")?; // to the new one: it was moved before
    fs::rename(case.path("log"), case.path("older"))?;
    File::create(case.path("log"))?;
    case.file.write_all(b"e\n")?;
    case.file.write_all(b"two\n")?;
    assert_eq!(case.read("older")?, "one\n");
    assert_eq!(case.read("log")?, "two\n");
    Ok(())
}

/// No one asks: the sink looks before each of its calls.
#[test]
fn a_file_moved_away_under_load_loses_and_tears_no_line() -> Checked {
    const MOVES: usize = 20;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log");
    let moved = |n: usize| folder.path().join(format!("log.{n}"));
    let file = Reopen::open(&path)?.look_every(Duration::ZERO);
    let reopener = file.reopener();
    let log = Log::builder().spawn(file)?;
    let mut writer = log.writer();
    let mut lines = 0;
    for n in 0..MOVES {
        fs::rename(&path, moved(n))?;
        while reopener.reopens() == n as u64 {
            writeln!(writer, "line {lines}")?;
            lines += 1;
        }
    }
    log.end().wait()?;
    let mut all = String::new();
    for file in (0..MOVES).map(moved).chain([path]) {
        all += &read(&file)?;
    }
    let expected: String = (0..lines).map(|n| format!("line {n}\n")).collect();
    assert_eq!(all.len(), expected.len());
    assert_eq!(all, expected);
    Ok(())
}

#[test]
fn a_file_that_cannot_be_opened_is_named() -> Checked {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("no/such/file");
    let error = Reopen::open(&path).expect_err("there is no such folder");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let start = format!("cannot open {}: ", path.display());
    assert!(error.to_string().starts_with(&start), "{error}");
    Ok(())
}

/// The error of a stream has the system's name of what is within the error that names the path.
#[cfg(unix)]
#[test]
fn a_stream_knows_why_its_file_cannot_be_opened() -> Checked {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x".repeat(1000));
    let out = highwater::Writable::builder().spawn_with(move || Reopen::open(path))?;
    let error = out.end().wait().expect_err("the name is too long");
    assert_eq!(error.code(), "ENAMETOOLONG");
    Ok(())
}
