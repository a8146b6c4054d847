//! Old files that are compressed, by a thread of its own.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};

use highwater::BoxError;
use highwater::sink::{RollingFile, RollingFileBuilder};
use tempfile::TempDir;

type Checked = Result<(), BoxError>;

/// What compresses may find its folder gone at the end of a test, and says so.
fn builder(folder: &TempDir) -> RollingFileBuilder {
    RollingFile::builder(folder.path().join("log"))
        .max_bytes(1)
        .on_error(|_| ())
}

fn name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into())
}

/// Stands for a compression: a test sees its steps. What it compresses is a copy.
fn compress(old: &Path) -> io::Result<()> {
    let mut packed = PathBuf::from(old).into_os_string();
    packed.push(".packed");
    fs::copy(old, packed)?;
    fs::remove_file(old)
}

/// Compresses, and sends the name of each file.
fn reporting(done: Sender<String>) -> impl FnMut(&Path) -> io::Result<()> + Send + 'static {
    move |old| {
        compress(old)?;
        let _ = done.send(name(old));
        Ok(())
    }
}

fn told(builder: RollingFileBuilder) -> (RollingFileBuilder, Receiver<(String, ErrorKind)>) {
    let (tell, told) = mpsc::channel();
    let builder = builder.on_error(move |error| {
        let _ = tell.send((name(error.path()), error.error().kind()));
    });
    (builder, told)
}

#[test]
fn old_files_are_compressed_and_the_one_that_gets_the_lines_is_not() -> Checked {
    let folder = tempfile::tempdir()?;
    let (done, names) = mpsc::channel();
    let mut file = builder(&folder).compress_with(reporting(done)).open()?;
    file.write_all(b"1\n")?;
    for n in 1..=5 {
        file.write_all(format!("{}\n", n + 1).as_bytes())?;
        assert_eq!(names.recv()?, format!("log.000000{n}"));
        let packed = folder.path().join(format!("log.000000{n}.packed"));
        assert_eq!(fs::read_to_string(packed)?, format!("{n}\n"));
    }
    assert_eq!(fs::read_to_string(folder.path().join("log"))?, "6\n");
    assert_eq!(file.status().failures(), 0);
    Ok(())
}

#[test]
fn the_next_start_compresses_what_the_last_run_has_left() -> Checked {
    let folder = tempfile::tempdir()?;
    let mut file = builder(&folder).open()?;
    for n in 1..=3 {
        file.write_all(format!("{n}\n").as_bytes())?;
    }
    drop(file);
    let (done, names) = mpsc::channel();
    let _file = builder(&folder).compress_with(reporting(done)).open()?;
    assert_eq!(
        [names.recv()?, names.recv()?],
        ["log.0000001", "log.0000002"]
    );
    Ok(())
}

#[test]
fn a_compression_that_never_returns_stops_no_line_and_no_end() -> Checked {
    let folder = tempfile::tempdir()?;
    let (hold, gate) = mpsc::channel::<()>();
    let (entered, enters) = mpsc::channel();
    let mut file = builder(&folder)
        .keep(5)
        .compress_with(move |old| {
            let _ = entered.send(name(old));
            let _ = gate.recv(); // until the test lets go
            Ok(())
        })
        .open()?;
    file.write_all(b"0\n")?;
    file.write_all(b"1\n")?;
    assert_eq!(enters.recv()?, "log.0000001");
    for n in 2..=100 {
        file.write_all(format!("{n}\n").as_bytes())?;
    }
    assert_eq!(file.status().rotations(), 100);
    assert_eq!(fs::read_dir(folder.path())?.count(), 6);
    drop(file);
    // It is still in there. The folder would otherwise be deleted under it.
    assert!(enters.try_recv().is_err());
    drop(hold);
    Ok(())
}

#[test]
fn a_compression_that_fails_or_panics_is_reported_and_tried_again() -> Checked {
    let folder = tempfile::tempdir()?;
    let (done, names) = mpsc::channel();
    let mut reporting = reporting(done);
    let mut tries = 0;
    let (builder, told) = told(builder(&folder).compress_with(move |old| {
        tries += 1;
        match tries {
            1 => Err(ErrorKind::StorageFull.into()),
            2 => panic!("this panic is part of the test"),
            _ => reporting(old),
        }
    }));
    let mut file = builder.open()?;
    file.write_all(b"1\n")?;
    file.write_all(b"2\n")?;
    let failed = |kind| ("log.0000001".to_owned(), kind);
    assert_eq!(told.recv()?, failed(ErrorKind::StorageFull));
    file.write_all(b"3\n")?;
    assert_eq!(told.recv()?, failed(ErrorKind::Other));
    file.write_all(b"4\n")?;
    // In which order depends on how often the thread was woken until then.
    let mut compressed = [names.recv()?, names.recv()?, names.recv()?];
    compressed.sort();
    assert_eq!(compressed, ["log.0000001", "log.0000002", "log.0000003"]);
    assert_eq!(file.status().failures(), 2);
    Ok(())
}

/// A program that ends its log and starts one anew has two threads for a while.
#[test]
fn two_threads_never_compress_one_file() -> Checked {
    let folder = tempfile::tempdir()?;
    let (hold, gate) = mpsc::channel::<()>();
    let (entered, enters) = mpsc::channel();
    let slow = move |old: &Path| {
        let _ = entered.send(name(old));
        let _ = gate.recv(); // until the test lets go
        compress(old)
    };
    let mut first = builder(&folder).compress_with(slow).open()?;
    first.write_all(b"1\n")?;
    first.write_all(b"2\n")?;
    assert_eq!(enters.recv()?, "log.0000001");
    drop(first);
    let (done, names) = mpsc::channel();
    let mut second = builder(&folder).compress_with(reporting(done)).open()?;
    second.write_all(b"3\n")?;
    // The first file is busy.
    assert_eq!(names.recv()?, "log.0000002");
    drop(hold);
    Ok(())
}
