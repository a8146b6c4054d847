//! A file that rotates at line ends, on random lines in random pieces: what is in the files is what
//! was written, and no file but the last ends within a line.

use std::fs;
use std::io::{self, IoSlice, Write};
use std::path::Path;

use highwater::BoxError;
use highwater::sink::RollingFile;
use proptest::prelude::*;

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
