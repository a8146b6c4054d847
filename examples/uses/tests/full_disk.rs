//! A disk that is full for a while: a small one of its own, which only root can mount.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use highwater::Writable;
use highwater::log::Log;

type Checked = Result<(), Box<dyn std::error::Error>>;

/// A disk of 16 KiB. A drop unmounts it.
struct Disk {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Disk {
    /// `None` where it cannot be mounted: then the test says so, and checks nothing.
    fn mount() -> Result<Option<Self>, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().to_owned();
        let mount = ["-t", "tmpfs", "-o", "size=16k", "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(&path).output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Some(Self {
                path,
                _folder: folder,
            })),
            refused => {
                eprintln!("skipped, as no disk can be mounted here: {refused:?}");
                Ok(None)
            }
        }
    }

    /// Fills it to the last byte.
    fn fill(&self) -> Result<PathBuf, std::io::Error> {
        let path = self.path.join("ballast");
        let mut file = File::create(&path)?;
        while file.write(&[b'x'; 100]).is_ok() {}
        Ok(path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn append(path: &Path) -> Result<File, std::io::Error> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn line(n: usize) -> String {
    format!("{n} {}\n", "y".repeat(n % 90))
}

/// What is in the file when the disk was full while the lines came, and is emptied later.
fn lines_of_a_full_disk(records: bool) -> Checked {
    const LINES: usize = 210;
    let Some(disk) = Disk::mount()? else {
        return Ok(());
    };
    let path = disk.path.join("log");
    let file = append(&path)?;
    let (tell, full) = channel();
    let is_full = |error: &std::io::Error| error.kind() == ErrorKind::StorageFull;
    let backoff = move |_| {
        let _ = tell.send(());
        Duration::from_millis(1)
    };
    let log = Log::builder()
        .stream(
            Writable::builder()
                .records(records)
                .retry_if(is_full, backoff),
        )
        .spawn(file)?;
    for n in 0..LINES / 3 {
        log.writer().write_all(line(n).as_bytes())?;
    }
    log.flush().wait()?;
    let ballast = disk.fill()?;
    for n in LINES / 3..LINES {
        log.writer().write_all(line(n).as_bytes())?;
    }
    full.recv()?;
    fs::remove_file(ballast)?;
    let totals = log.end().wait()?.totals;
    assert_eq!(totals.delivered, totals.accepted);
    let expected: String = (0..LINES).map(line).collect();
    assert_eq!(fs::read_to_string(path)?, expected);
    Ok(())
}

#[test]
fn a_disk_that_was_full_has_every_line_whole() -> Checked {
    lines_of_a_full_disk(false)
}

#[test]
fn a_disk_that_was_full_has_every_record_whole() -> Checked {
    lines_of_a_full_disk(true)
}

/// What a destroy hands back and what the file has are together what was accepted.
#[test]
fn a_destroy_while_the_disk_is_full_is_exact() -> Checked {
    let Some(disk) = Disk::mount()? else {
        return Ok(());
    };
    let path = disk.path.join("log");
    let (tell, full) = channel();
    let hour = Duration::from_secs(3600);
    let out = Writable::builder().retry_if(
        |_| true,
        move |_| {
            let _ = tell.send(());
            hour
        },
    );
    let mut out = out.spawn(append(&path)?)?;
    let all: String = (0..1000).map(line).collect();
    let _flow = out.write(&all)?;
    full.recv()?;
    let unfinished = out.destroy().wait()?;
    let mut found = fs::read(path)?;
    assert!(!found.is_empty());
    assert_eq!(unfinished.totals.delivered, found.len() as u64);
    for chunk in unfinished.unsent {
        found.extend(chunk.into_vec());
    }
    assert!(found == all.into_bytes());
    Ok(())
}
