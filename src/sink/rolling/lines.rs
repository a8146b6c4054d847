//! Where the lines end: in what a call brings, and in a file that is there.

use alloc::vec::Vec;
use std::fs::File;
use std::io::{self, IoSlice, Read, Seek, SeekFrom};
use std::path::Path;

/// The bytes of a call, which may come in several slices.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a>(pub(super) &'a [IoSlice<'a>]);

impl<'a> Lines<'a> {
    /// How many bytes there are.
    pub(super) fn len(self) -> usize {
        let lens = self.0.iter().map(|slice| slice.len());
        lens.fold(0, usize::saturating_add)
    }

    /// How many bytes the first line has, with its line feed; all if there is none.
    pub(super) fn first(self) -> usize {
        let mut before = 0;
        for slice in self.0 {
            if let Some(at) = slice.iter().position(is_end) {
                return before + at + 1;
            }
            before += slice.len();
        }
        before
    }

    /// How many of the first `count` bytes are whole lines: those up to the last line feed.
    pub(super) fn whole(self, count: usize) -> usize {
        let mut end = self.len();
        for slice in self.0.iter().rev() {
            let begin = end - slice.len();
            let counted = slice.get(..count.saturating_sub(begin)).unwrap_or(slice);
            if let Some(at) = counted.iter().rposition(is_end) {
                return begin + at + 1;
            }
            end = begin;
        }
        0
    }

    /// The first `count` bytes.
    pub(super) fn take(self, count: usize) -> Vec<IoSlice<'a>> {
        let mut left = count;
        let mut taken = Vec::new();
        for slice in self.0 {
            let part = slice.get(..left).unwrap_or(slice);
            left -= part.len();
            taken.push(IoSlice::new(part));
            if left == 0 {
                break;
            }
        }
        taken
    }
}

fn is_end(byte: &u8) -> bool {
    *byte == b'\n'
}

/// How many bytes a file has behind its last line feed, in a file of this length. It looks at no
/// more than the last `most` bytes.
pub(super) fn unfinished(path: &Path, len: u64, most: u64) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut block = [0; 4096];
    let first = len.saturating_sub(most);
    let mut end = len;
    while end > first {
        let begin = end.saturating_sub(block.len() as u64).max(first);
        let size = usize::try_from(end - begin).unwrap_or(block.len());
        let bytes = block.get_mut(..size).unwrap_or_default();
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(bytes)?;
        if let Some(at) = bytes.iter().rposition(is_end) {
            return Ok(len - begin - at as u64 - 1);
        }
        end = begin;
    }
    Ok(len - first)
}
