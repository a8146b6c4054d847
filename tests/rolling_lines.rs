//! A file rotates at line ends, in calls of any size. At the end, random lines in random pieces: what
//! is in the files is what was written, and no file but the last ends within a line.

use std::fs;
use std::io::{self, IoSlice, Write};
use std::path::Path;

use highwater::log::Log;
use highwater::sink::{RollingFile, RollingFileBuilder};
use highwater::{BoxError, Writable};
use proptest::prelude::*;
use tempfile::TempDir;

type Checked = Result<(), BoxError>;

fn builder(folder: &TempDir) -> RollingFileBuilder {
    RollingFile::builder(folder.path().join("log"))
}

/// What is in the files, the oldest first.
fn texts(folder: &TempDir) -> Result<Vec<String>, BoxError> {
    let files = read(folder.path())?.into_iter().map(String::from_utf8);
    Ok(files.collect::<Result<_, _>>()?)
}

#[test]
fn a_call_of_several_slices_gives_the_lines_that_fit() -> Checked {
    let folder = tempfile::tempdir()?;
    let mut file = builder(&folder).max_bytes(10).open()?;
    let pieces = ["o", "", "ne\ntw", "o\nelev", "en\n"];
    let slices = pieces.map(|text| IoSlice::new(text.as_bytes()));
    assert_eq!(file.write_vectored(&slices)?, 8);
    let rest = ["elev", "en\n"].map(|text| IoSlice::new(text.as_bytes()));
    assert_eq!(file.write_vectored(&rest)?, 7);
    assert_eq!(texts(&folder)?, ["one\ntwo\n", "eleven\n"]);
    Ok(())
}

#[test]
fn a_line_in_pieces_ends_in_the_file_where_it_began() -> Checked {
    let folder = tempfile::tempdir()?;
    let mut file = builder(&folder).max_bytes(8).open()?;
    for text in ["one\nli", "ne ", "two\nthree", "\n"] {
        file.write_all(text.as_bytes())?;
    }
    assert_eq!(texts(&folder)?, ["one\nline two\n", "three\n"]);
    Ok(())
}

#[test]
fn data_without_a_line_feed_also_rotates() -> Checked {
    let folder = tempfile::tempdir()?;
    let mut file = builder(&folder).max_bytes(8).open()?;
    for _ in 0..6 {
        file.write_all(b"xxx")?;
    }
    // Nine bytes are the first that pass the limit.
    assert_eq!(texts(&folder)?, ["xxxxxxxxx", "xxxxxxxxx"]);
    Ok(())
}

#[test]
fn a_restart_ends_the_line_in_which_its_file_ends() -> Checked {
    let folder = tempfile::tempdir()?;
    let long = "x".repeat(10_000) + "\n";
    for text in [&long, "on", "e\n", "two\n"] {
        let mut file = builder(&folder).max_bytes(10_003).open()?;
        file.write_all(text.as_bytes())?;
    }
    assert_eq!(texts(&folder)?, [long + "one\n", "two\n".into()]);
    // More of one line than a file may have is no line to be ended.
    fs::write(folder.path().join("log"), "x".repeat(10_004))?;
    let mut file = builder(&folder).max_bytes(10_003).open()?;
    file.write_all(b"three\n")?;
    assert_eq!(texts(&folder)?.pop().as_deref(), Some("three\n"));
    Ok(())
}

/// Linux takes at most 1,024 slices of a call.
#[cfg(target_os = "linux")]
#[test]
fn what_the_system_did_not_take_of_a_call_goes_to_the_same_file() -> Checked {
    for vectored in [false, true] {
        let folder = tempfile::tempdir()?;
        let mut file = builder(&folder).max_bytes(100).open()?;
        let record = "x".repeat(3000) + "\n";
        let slices: Vec<_> = record.as_bytes().chunks(1).map(IoSlice::new).collect();
        assert_eq!(file.write_vectored(&slices)?, 1024);
        // The next call has the rest of the record, and more.
        let rest = record[1024..].to_owned() + "next\n";
        let mut rest = rest.as_bytes();
        while !rest.is_empty() {
            let count = if vectored {
                let (a, b) = rest.split_at(rest.len().min(1000));
                file.write_vectored(&[IoSlice::new(&[]), IoSlice::new(a), IoSlice::new(b)])?
            } else {
                file.write(rest)?
            };
            rest = &rest[count..];
        }
        assert_eq!(texts(&folder)?, [record, "next\n".into()]);
    }
    Ok(())
}

#[test]
fn a_writeln_on_a_stream_or_on_the_file_is_never_torn() -> Checked {
    for over_a_stream in [false, true] {
        let folder = tempfile::tempdir()?;
        let mut file = builder(&folder).max_bytes(100).open()?;
        let mut all = String::new();
        let lines = (0..2000).map(|n| format!("line {n} of the log\n"));
        if over_a_stream {
            let mut out = Writable::builder().high_water_mark(64).spawn(file)?;
            for (n, line) in lines.enumerate() {
                writeln!(out, "line {n} of the log")?;
                all += &line;
            }
            out.end().wait()?;
        } else {
            for (n, line) in lines.enumerate() {
                writeln!(file, "line {n} of the log")?;
                all += &line;
            }
        }
        let files = texts(&folder)?;
        assert!(files.len() > 300, "{}", files.len());
        for text in &files {
            assert!(text.ends_with(" of the log\n"), "{text:?}");
        }
        assert_eq!(files.concat(), all);
    }
    Ok(())
}

/// A log gives the sink many lines in a call.
#[test]
fn files_of_a_log_are_as_long_as_their_limit() -> Checked {
    let folder = tempfile::tempdir()?;
    let file = builder(&folder).max_bytes(1000).open()?;
    let log = Log::builder().spawn(file)?;
    let mut writer = log.writer();
    for n in 0..5000 {
        writeln!(writer, "line {n:05} of a log")?;
    }
    log.end().wait()?;
    let files = texts(&folder)?;
    assert_eq!(files.len(), 100);
    for text in &files {
        assert_eq!(text.len(), 1000);
    }
    Ok(())
}

/// How the text comes.
#[derive(Clone, Debug)]
struct Pieces {
    /// How long the pieces are, again and again. None: a piece is a number of whole lines.
    lens: Vec<usize>,
    /// How many pieces a call gets at most.
    slices: usize,
    /// After how many calls the file is opened again.
    restart: usize,
}

fn pieces() -> impl Strategy<Value = Pieces> {
    let lens = prop::collection::vec(1usize..30, 0..6);
    (lens, 1usize..5, 1usize..40).prop_map(|(lens, slices, restart)| Pieces {
        lens,
        slices,
        restart,
    })
}

fn split<'a>(text: &'a [u8], pieces: &Pieces) -> Vec<&'a [u8]> {
    if pieces.lens.is_empty() {
        return text.split_inclusive(|byte| *byte == b'\n').collect();
    }
    let mut rest = text;
    let mut split = Vec::new();
    for len in pieces.lens.iter().cycle() {
        let (piece, others) = rest.split_at(rest.len().min(*len));
        split.push(piece);
        rest = others;
        if rest.is_empty() {
            break;
        }
    }
    split
}

/// Writes the pieces, several in a call, and goes on where a short write has stopped.
fn write(path: &Path, max: u64, text: &[u8], pieces: &Pieces) -> io::Result<()> {
    let open = || RollingFile::builder(path).max_bytes(max).open();
    let mut file = open()?;
    let mut calls = 0;
    for call in split(text, pieces).chunks(pieces.slices) {
        let mut slices: Vec<_> = call.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            let count = match rest {
                [one] => file.write(one)?,
                _ => file.write_vectored(rest)?,
            };
            IoSlice::advance_slices(&mut rest, count);
            calls += 1;
            if calls % pieces.restart == 0 {
                drop(file);
                file = open()?;
            }
        }
    }
    Ok(())
}

/// The texts of the files, the oldest first.
fn read(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.rotate_left(1); // `log` is the newest
    paths.iter().map(fs::read).collect()
}

fn lines(text: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

fn check(files: &[Vec<u8>], max: usize, pieces: &Pieces) -> Result<(), TestCaseError> {
    for (file, next) in files.iter().zip(&files[1..]) {
        let last = lines(file).next_back().unwrap_or_default();
        if !last.ends_with(b"\n") {
            prop_assert!(last.len() > max, "{file:?} ends within a line");
        }
        // What came before the last line had room.
        prop_assert!(file.len() - last.len() <= max, "{file:?} is too long");
        if pieces.lens.is_empty() {
            prop_assert!(file.len() <= max || file.len() == last.len());
            let line = lines(next).next().unwrap_or_default();
            prop_assert!(file.len() + line.len() > max, "{file:?} had room");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn lines_in_pieces_are_whole_in_their_files(
        lens in prop::collection::vec(0usize..40, 1..40),
        max in 1usize..100,
        pieces in pieces(),
    ) {
        let text: Vec<u8> = lens.iter().enumerate().flat_map(|(n, len)| {
            let letter = b'a' + (n % 26) as u8;
            std::iter::repeat_n(letter, *len).chain([b'\n'])
        }).collect();
        let run = || -> Result<_, BoxError> {
            let folder = tempfile::tempdir()?;
            write(&folder.path().join("log"), max as u64, &text, &pieces)?;
            Ok(read(folder.path())?)
        };
        let files = run().map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&files.concat(), &text);
        check(&files, max, &pieces)?;
    }
}
