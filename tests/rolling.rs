//! A file that rotates by size and by time. The clock of these tests is the offset of local time,
//! which they move. Where a rotation falls within a call: `tests/rolling_lines.rs`. Crashes:
//! `tests/rolling_kill.rs`. What the system refuses, and disks that are full:
//! `examples/uses/tests/full_disks.rs`.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, SystemTime};

use highwater::BoxError;
use highwater::sink::{RollingFile, RollingFileBuilder};
use tempfile::TempDir;

type Checked = Result<(), BoxError>;

const HOUR: i32 = 60 * 60;
const DAY: i32 = 24 * HOUR;

/// A folder for a log.
struct Folder(TempDir);

impl Folder {
    fn new() -> Result<Self, BoxError> {
        Ok(Self(tempfile::tempdir()?))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn builder(&self) -> RollingFileBuilder {
        RollingFile::builder(self.path("log"))
    }

    fn read(&self, name: &str) -> Result<String, BoxError> {
        let text = fs::read_to_string(self.path(name));
        Ok(text.map_err(|error| format!("{name}: {error}"))?)
    }

    /// The names of the files, in order.
    fn names(&self) -> Result<Vec<String>, BoxError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.0.path())? {
            names.push(entry?.file_name().to_string_lossy().into());
        }
        names.sort();
        Ok(names)
    }
}

/// What a sink has told: the file and the kind of the error.
type Told = Receiver<(PathBuf, ErrorKind)>;

fn telling(builder: RollingFileBuilder) -> (RollingFileBuilder, Told) {
    let (tell, told) = mpsc::channel();
    let builder = builder.on_error(move |error| {
        let _ = tell.send((error.path().to_owned(), error.error().kind()));
    });
    (builder, told)
}

/// The sink calls the closure for local time, and the test moves it. It begins in the middle of a
/// day and of an hour.
fn clock(builder: RollingFileBuilder) -> (RollingFileBuilder, Arc<AtomicI32>) {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let into_the_day = since.map_or(0, |since| since.as_secs() % DAY as u64);
    let begin = 12 * HOUR + HOUR / 2 - into_the_day as i32;
    let clock = Arc::new(AtomicI32::new(begin));
    let offset = Arc::clone(&clock);
    (
        builder.utc_offset(move |_| offset.load(Ordering::Relaxed)),
        clock,
    )
}

#[test]
fn a_file_is_as_long_as_its_limit_and_no_longer() -> Checked {
    let folder = Folder::new()?;
    let mut file = folder.builder().max_bytes(8).open()?;
    for line in [
        "one\n",
        "two\n",
        "three\n",
        "a line beyond the limit\n",
        "x\n",
    ] {
        file.write_all(line.as_bytes())?;
    }
    assert_eq!(folder.read("log.0000001")?, "one\ntwo\n");
    assert_eq!(folder.read("log.0000002")?, "three\n");
    assert_eq!(folder.read("log.0000003")?, "a line beyond the limit\n");
    assert_eq!(folder.read("log")?, "x\n");
    assert_eq!(file.status().rotations(), 3);
    Ok(())
}

#[test]
fn an_hour_or_a_day_has_a_file_of_its_own() -> Checked {
    for (hourly, length) in [(true, HOUR), (false, DAY)] {
        let folder = Folder::new()?;
        let (builder, clock) = clock(folder.builder());
        let builder = if hourly {
            builder.hourly()
        } else {
            builder.daily()
        };
        let mut file = builder.open()?;
        file.write_all(b"one\n")?;
        clock.fetch_add(length / 4, Ordering::Relaxed);
        file.write_all(b"one more\n")?;
        clock.fetch_add(length, Ordering::Relaxed);
        file.write_all(b"two\n")?;
        file.write_all(b"two more\n")?;
        // Hours without a line have no file. A clock that goes back is also another hour.
        clock.fetch_add(-5 * length, Ordering::Relaxed);
        file.write_all(b"three\nfo")?;
        // A line that was begun is ended, and it alone.
        clock.fetch_add(length, Ordering::Relaxed);
        file.write_all(b"ur\nfive\n")?;
        assert_eq!(folder.read("log.0000001")?, "one\none more\n");
        assert_eq!(folder.read("log.0000002")?, "two\ntwo more\n");
        assert_eq!(folder.read("log.0000003")?, "three\nfour\n");
        assert_eq!(folder.read("log")?, "five\n");
    }
    Ok(())
}

#[test]
fn a_day_is_no_hour() -> Checked {
    let folder = Folder::new()?;
    let (builder, clock) = clock(folder.builder().hourly().daily());
    let mut file = builder.open()?;
    for _ in 0..10 {
        clock.fetch_add(HOUR, Ordering::Relaxed);
        file.write_all(b"a line\n")?;
    }
    assert_eq!(folder.names()?, ["log"]);
    Ok(())
}

#[test]
fn a_restart_goes_on_in_the_file_of_its_hour_and_not_in_an_older_one() -> Checked {
    let folder = Folder::new()?;
    let open = || clock(folder.builder().hourly()).0.open();
    open()?.write_all(b"one\n")?;
    open()?.write_all(b"one more\n")?;
    assert_eq!(folder.names()?, ["log"]);
    let ago = SystemTime::now() - Duration::from_secs(2 * HOUR as u64);
    File::options()
        .append(true)
        .open(folder.path("log"))?
        .set_modified(ago)?;
    let mut file = open()?;
    assert_eq!(folder.names()?, ["log"]);
    file.write_all(b"two\n")?;
    assert_eq!(folder.read("log.0000001")?, "one\none more\n");
    assert_eq!(folder.read("log")?, "two\n");
    Ok(())
}

#[test]
fn a_restart_goes_on_at_the_length_of_the_file() -> Checked {
    let folder = Folder::new()?;
    for line in ["one\n", "two\n", "three\n"] {
        folder
            .builder()
            .max_bytes(8)
            .open()?
            .write_all(line.as_bytes())?;
    }
    assert_eq!(folder.read("log.0000001")?, "one\ntwo\n");
    assert_eq!(folder.read("log")?, "three\n");
    Ok(())
}

#[test]
fn only_the_newest_old_files_are_kept() -> Checked {
    let folder = Folder::new()?;
    // Not of this log.
    for name in [
        "log.00000010",
        "log.1",
        "log.000000x",
        "log.0000009x",
        "log2.0000001",
        "og.0000001",
    ] {
        fs::write(folder.path(name), name)?;
    }
    let foreign = folder.names()?;
    let mut file = folder.builder().max_bytes(1).keep(2).open()?;
    for n in 1..=9 {
        file.write_all(format!("{n}\n").as_bytes())?;
        if n == 4 {
            // Compressed, and a piece of one that was not completed.
            fs::rename(folder.path("log.0000003"), folder.path("log.0000003.gz"))?;
            fs::write(folder.path("log.0000003.gz.half"), "")?;
        }
    }
    let mut expected = foreign;
    expected.extend(["log", "log.0000007", "log.0000008"].map(str::to_owned));
    expected.sort();
    assert_eq!(folder.names()?, expected);
    assert_eq!(folder.read("log.0000008")?, "8\n");
    // Fewer from the next start on.
    drop(file);
    let _file = folder.builder().max_bytes(1).keep(1).open()?;
    assert!(!folder.path("log.0000007").exists());
    assert!(folder.path("log.0000008").exists());
    Ok(())
}

#[test]
fn a_file_and_its_compressed_one_count_as_one() -> Checked {
    let folder = Folder::new()?;
    for name in [
        "log.0000001",
        "log.0000002",
        "log.0000002.gz",
        "log.0000003.gz",
    ] {
        fs::write(folder.path(name), name)?;
    }
    let mut file = folder.builder().max_bytes(1).keep(2).open()?;
    assert_eq!(
        folder.names()?,
        ["log", "log.0000002", "log.0000002.gz", "log.0000003.gz"]
    );
    file.write_all(b"1\n")?;
    file.write_all(b"2\n")?;
    assert_eq!(folder.names()?, ["log", "log.0000003.gz", "log.0000004"]);
    Ok(())
}

#[test]
fn numbers_do_not_come_again_while_the_sink_lives() -> Checked {
    let folder = Folder::new()?;
    let mut file = folder.builder().max_bytes(1).open()?;
    file.write_all(b"1\n")?;
    file.write_all(b"2\n")?;
    fs::remove_file(folder.path("log.0000001"))?;
    file.write_all(b"3\n")?;
    assert_eq!(folder.names()?, ["log", "log.0000002"]);
    Ok(())
}

#[test]
fn the_log_goes_on_in_its_file_when_no_number_is_left() -> Checked {
    let folder = Folder::new()?;
    fs::write(folder.path("log.9999999"), "")?;
    let (builder, told) = telling(folder.builder().max_bytes(1));
    let mut file = builder.open()?;
    file.write_all(b"1\n")?;
    file.write_all(b"2\n")?;
    assert_eq!(told.try_recv()?.1, ErrorKind::Other);
    assert_eq!(folder.read("log")?, "1\n2\n");
    Ok(())
}

/// A folder that is gone: the old file, which is in it, goes on.
#[cfg(unix)]
#[test]
fn a_rotation_that_fails_is_reported_and_tried_again_but_not_at_each_line() -> Checked {
    for (interval, failures) in [(Duration::MAX, 1), (Duration::ZERO, 1000)] {
        let folder = Folder::new()?;
        let (home, away) = (folder.path("home"), folder.path("away"));
        fs::create_dir(&home)?;
        let builder = RollingFile::builder(home.join("log"))
            .max_bytes(1)
            .retry_after(interval);
        let (builder, told) = telling(builder);
        let mut file = builder.open()?;
        let status = file.status();
        file.write_all(b"0\n")?;
        fs::rename(&home, &away)?;
        for n in 1..=1000 {
            file.write_all(format!("{n}\n").as_bytes())?;
        }
        assert_eq!((status.failures(), status.rotations()), (failures, 0));
        assert_eq!(told.try_iter().count() as u64, failures);
        let expected: String = (0..=1000).map(|n| format!("{n}\n")).collect();
        assert_eq!(fs::read_to_string(away.join("log"))?, expected);
        if interval == Duration::ZERO {
            fs::create_dir(&home)?;
            file.write_all(b"at home\n")?;
            assert_eq!(fs::read_to_string(home.join("log"))?, "at home\n");
        }
    }
    Ok(())
}

/// The rename succeeds, and then a folder stands where the new file should be.
#[cfg(target_os = "linux")]
#[test]
fn a_new_file_that_cannot_be_opened_is_tried_again_without_a_second_rename() -> Checked {
    let folder = Folder::new()?;
    let builder = folder.builder().max_bytes(1).retry_after(Duration::ZERO);
    let (builder, told) = telling(builder);
    let mut file = builder.open()?;
    let status = file.status();
    file.write_all(b"1\n")?;
    // The path is a symbolic link to nowhere, once the file has gone: it cannot be opened.
    fs::rename(folder.path("log"), folder.path("moved"))?;
    std::os::unix::fs::symlink("no/such/folder", folder.path("log"))?;
    file.write_all(b"2\n")?;
    assert_eq!(
        told.try_recv()?.0,
        fs::canonicalize(folder.0.path())?.join("log")
    );
    assert_eq!(folder.read("moved")?, "1\n2\n");
    fs::remove_file(folder.path("log"))?;
    file.write_all(b"3\n")?;
    assert_eq!(folder.names()?, ["log", "moved"]);
    assert_eq!(folder.read("log")?, "3\n");
    assert_eq!((status.failures(), status.rotations()), (1, 1));
    Ok(())
}

#[test]
fn a_folder_in_the_place_of_the_file_is_not_renamed() -> Checked {
    let folder = Folder::new()?;
    let (builder, told) = telling(folder.builder().max_bytes(1));
    let mut file = builder.open()?;
    file.write_all(b"1\n")?;
    fs::rename(folder.path("log"), folder.path("moved"))?;
    fs::create_dir(folder.path("log"))?;
    file.write_all(b"2\n")?;
    assert_eq!(folder.names()?, ["log", "moved"]);
    assert_eq!(folder.read("moved")?, "1\n2\n");
    assert_eq!(told.try_iter().count(), 1);
    Ok(())
}

#[test]
fn an_old_file_that_cannot_be_deleted_is_reported_and_no_line_is_lost() -> Checked {
    let folder = Folder::new()?;
    // A folder cannot be deleted as a file.
    fs::create_dir(folder.path("log.0000001"))?;
    let (builder, told) = telling(folder.builder().max_bytes(1).keep(1));
    let mut file = builder.open()?;
    for n in 1..=3 {
        file.write_all(format!("{n}\n").as_bytes())?;
    }
    assert_eq!(folder.names()?, ["log", "log.0000001", "log.0000003"]);
    assert_eq!(told.try_iter().count(), 2);
    assert_eq!(file.status().failures(), 2);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_link_and_a_program_that_changes_its_folder_leave_the_files_together() -> Checked {
    let folder = Folder::new()?;
    fs::create_dir(folder.path("there"))?;
    std::os::unix::fs::symlink("there/real", folder.path("log"))?;
    let mut file = folder.builder().max_bytes(1).open()?;
    file.write_all(b"1\n")?;
    file.write_all(b"2\n")?;
    assert_eq!(folder.names()?, ["log", "there"]);
    assert_eq!(folder.read("there/real.0000001")?, "1\n");
    assert_eq!(folder.read("log")?, "2\n");
    assert!(file.status().path().ends_with("there/real"));
    Ok(())
}

#[test]
fn what_a_builder_refuses_has_a_reason() -> Checked {
    let folder = Folder::new()?;
    let no_folder = RollingFile::builder(folder.path("no/such/folder")).daily();
    let refused = [
        (
            folder.builder(),
            "it would never rotate: set max_bytes, hourly or daily",
        ),
        (
            folder.builder().max_bytes(0),
            "max_bytes is 0: no line would have room",
        ),
        (
            folder.builder().daily().keep(0),
            "keep is 0: each file would be deleted as soon as it is full",
        ),
        (
            RollingFile::builder(folder.0.path()).daily(),
            "it is not a file",
        ),
        (RollingFile::builder("").daily(), "it names no file"),
        (RollingFile::builder("a/..").daily(), "it names no file"),
    ];
    for (builder, why) in refused {
        let error = builder.open().err().ok_or(why)?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(
            text.starts_with("cannot open ") && text.ends_with(why),
            "{text}"
        );
    }
    let error = no_folder.open().err().ok_or("there is no such folder")?;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no/such/folder"), "{error}");
    assert!(folder.names()?.is_empty());
    Ok(())
}
