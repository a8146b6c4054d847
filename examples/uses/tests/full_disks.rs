//! Files of a log on a small disk that fills and empties: a tmpfs. To mount one needs root;
//! without it these tests say on stderr that they were left out.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use highwater::BoxError;
use highwater::log::Log;
use highwater::sink::{Reopen, RollingFile};
use tempfile::TempDir;

type Checked = Result<(), BoxError>;

/// A small disk, until it is dropped.
struct Disk {
    folder: TempDir,
    /// One test has a disk at a time. A process that another test starts would hold the files of
    /// this one for a moment: then a file that is removed leaves no room yet.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl Disk {
    /// `None`, with a word on stderr, if this process may not mount.
    fn new(options: &str) -> Result<Option<Self>, BoxError> {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]);
        let output = mount.arg(folder.path()).output()?;
        if output.status.success() {
            return Ok(Some(Self { folder, _alone }));
        }
        let why = String::from_utf8_lossy(&output.stderr);
        if !["permission denied", "must be superuser", "not permitted"]
            .iter()
            .any(|refused| why.contains(refused))
        {
            return Err(format!("mount failed: {why}").into());
        }
        // The harness keeps back what `eprintln!` prints.
        writeln!(
            io::stderr(),
            "LEFT OUT, as mount was refused: {}",
            why.trim()
        )?;
        Ok(None)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
    }
}

/// Fills the disk.
fn fill(path: &Path) -> Checked {
    let mut file = File::create(path)?;
    loop {
        match file.write(&[0; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn line(n: u64) -> String {
    format!("{n} {}.\n", "x".repeat((n * 7919 % 61) as usize))
}

#[test]
fn what_is_kept_bounds_the_disk() -> Checked {
    let Some(disk) = Disk::new("size=128k")? else {
        return Ok(());
    };
    let file = RollingFile::builder(disk.path().join("log"))
        .max_bytes(16 * 1024)
        .keep(2)
        .open()?;
    let status = file.status();
    let stream = highwater::Writable::builder().high_water_mark(4096);
    let log = Log::builder().stream(stream).spawn(file)?;
    let mut writer = log.writer();
    for n in 0..50_000 {
        writer.write_all(line(n).as_bytes())?;
    }
    log.end().wait()?;
    assert!(
        status.rotations() > 80 && status.failures() == 0,
        "{status:?}"
    );
    assert_eq!(fs::read_dir(disk.path())?.count(), 3);
    Ok(())
}

/// A caller that goes on where the system has stopped it tears no line.
#[test]
fn a_disk_that_was_full_has_every_line_whole() -> Checked {
    let Some(disk) = Disk::new("size=128k")? else {
        return Ok(());
    };
    let full = disk.path().join("full");
    let mut file = RollingFile::builder(disk.path().join("log"))
        .max_bytes(10_000)
        .open()?;
    let (mut refused, lines) = (0, 1000);
    for n in 0..lines {
        if n % 100 == 50 {
            fill(&full)?;
        }
        let line = line(n);
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            match file.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::StorageFull => {
                    refused += 1;
                    fs::remove_file(&full)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    assert!(refused > 5, "{refused}");
    let _ = fs::remove_file(&full);
    let mut names: Vec<_> = fs::read_dir(disk.path())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    names.sort();
    names.rotate_left(1);
    let mut all = String::new();
    for name in &names {
        let text = fs::read_to_string(name)?;
        assert!(text.ends_with('\n'), "{name:?} ends within a line");
        all += &text;
    }
    assert!(names.len() > 2 && all == (0..lines).map(line).collect::<String>());
    Ok(())
}

/// There is room for no further file: the rename succeeds, and the open fails.
#[test]
fn a_file_that_still_gets_lines_is_not_compressed() -> Checked {
    let Some(disk) = Disk::new("size=128k,nr_inodes=4")? else {
        return Ok(());
    };
    let at = |name: &str| disk.path().join(name);
    let (tell, told) = mpsc::channel();
    let (entered, enters) = mpsc::channel();
    let (release, held) = mpsc::channel::<()>();
    let mut file = RollingFile::builder(at("log"))
        .max_bytes(1)
        .retry_after(Duration::ZERO)
        .on_error(move |error| drop(tell.send((error.to_string(), error.error().kind()))))
        .compress_with(move |old| {
            let _ = entered.send(old.to_owned());
            let _ = held.recv();
            fs::rename(old, format!("{}.packed", old.display()))
        })
        .open()?;
    let status = file.status();
    file.write_all(b"1\n")?;
    file.write_all(b"2\n")?;
    assert!(enters.recv()?.ends_with("log.0000001"));
    file.write_all(b"3\n")?; // the third inode of files, and the last; wakes the thread once more
    for text in ["3, next\n", "3, again\n"] {
        file.write_all(text.as_bytes())?;
        let (text, kind) = told.recv()?;
        assert!(text.starts_with("cannot open "), "{text}");
        assert_eq!(kind, ErrorKind::StorageFull);
        assert!(status.path().ends_with("log.0000003"));
    }
    // What compresses goes on now, and ends with the sink. It leaves alone the file that still gets
    // lines.
    drop((release, file));
    let entered: Vec<_> = enters.iter().collect();
    assert!(
        matches!(&entered[..], [second] if second.ends_with("log.0000002")),
        "{entered:?}"
    );
    fs::remove_file(at("log.0000001.packed"))?;
    let text = "3\n3, next\n3, again\n";
    assert_eq!(fs::read_to_string(at("log.0000003"))?, text);
    Ok(())
}

/// As above, without what compresses.
#[test]
fn a_new_file_is_opened_once_there_is_room_for_it() -> Checked {
    let Some(disk) = Disk::new("size=128k,nr_inodes=3")? else {
        return Ok(());
    };
    let at = |name: &str| disk.path().join(name);
    let mut file = RollingFile::builder(at("log"))
        .max_bytes(1)
        .retry_after(Duration::ZERO)
        .on_error(|_| ())
        .open()?;
    let status = file.status();
    for line in ["1\n", "2\n", "2, next\n", "2, again\n"] {
        file.write_all(line.as_bytes())?;
    }
    assert!(status.path().ends_with("log.0000002"));
    assert_eq!((status.rotations(), status.failures()), (1, 2));
    fs::remove_file(at("log.0000001"))?;
    file.write_all(b"3\n")?;
    assert!(status.path().ends_with("log"));
    assert_eq!((status.rotations(), status.failures()), (2, 2));
    assert_eq!(
        fs::read_to_string(at("log.0000002"))?,
        "2\n2, next\n2, again\n"
    );
    assert_eq!(fs::read_to_string(at("log"))?, "3\n");
    Ok(())
}

#[test]
fn a_moved_file_without_room_for_a_new_one_goes_on() -> Checked {
    let Some(disk) = Disk::new("size=128k,nr_inodes=2")? else {
        return Ok(());
    };
    let at = |name: &str| disk.path().join(name);
    let mut file = Reopen::open(at("log"))?
        .look_every(Duration::ZERO)
        .on_error(|_| ());
    fs::rename(at("log"), at("old"))?;
    for line in ["1\n", "2\n", "3\n"] {
        file.write_all(line.as_bytes())?;
    }
    assert_eq!(file.reopener().failures(), 2);
    assert_eq!(fs::read_to_string(at("old"))?, "1\n2\n3\n");
    fs::remove_file(at("old"))?;
    // The sink still has the old file open, so there is no room: it tries again.
    file.write_all(b"4\n")?;
    assert_eq!(file.reopener().failures(), 3);
    Ok(())
}
