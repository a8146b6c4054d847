//! The names of the files: the path, and the path with a number for each old one.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::str;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::sink::file_error::FileError;

/// How many digits a number has. Seven, as dates have six or eight.
const DIGITS: usize = 7;

/// The highest number.
const MAX: u64 = 9_999_999;

/// Old files by their numbers: the older, the lower. One number may have several files, as what
/// compresses a file adds an extension to its name.
pub(super) type OldFiles = BTreeMap<u64, Vec<PathBuf>>;

/// The path of a log, and those of its old files.
#[derive(Clone, Debug)]
pub(super) struct Names {
    path: PathBuf,
    folder: PathBuf,
    name: OsString,
}

impl Names {
    /// The path has to exist. It is made absolute, so a program that changes its folder, or a
    /// symbolic link in its place, leaves the files together.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => Ok(Self {
                folder: folder.into(),
                name: name.into(),
                path,
            }),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the old file with this number.
    pub(super) fn old(&self, number: u64) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number:0DIGITS$}"));
        path.into()
    }

    /// The number after all that are there, and after this one.
    pub(super) fn next(&self, last: u64) -> Result<u64, FileError> {
        let files = self.old_files()?;
        let highest = files.last_key_value().map_or(0, |(number, _)| *number);
        let next = highest.max(last) + 1;
        if next > MAX {
            let why = format!("an old file has the highest number, {MAX}: move it away");
            return Err(FileError::new("rotate", &self.path, io::Error::other(why)));
        }
        Ok(next)
    }

    /// The old files that are there.
    pub(super) fn old_files(&self) -> Result<OldFiles, FileError> {
        let list = || {
            let mut files = OldFiles::new();
            for entry in fs::read_dir(&self.folder)? {
                let entry = entry?;
                if let Some(number) = self.number(&entry.file_name()) {
                    files.entry(number).or_default().push(entry.path());
                }
            }
            Ok(files)
        };
        list().map_err(|error| FileError::new("list", &self.folder, error))
    }

    /// The number of the old file that has this name, with an extension or without.
    fn number(&self, file: &OsStr) -> Option<u64> {
        let rest = file.as_encoded_bytes();
        let rest = rest.strip_prefix(self.name.as_encoded_bytes())?;
        let (digits, extension) = rest.strip_prefix(b".")?.split_at_checked(DIGITS)?;
        if !extension.is_empty() && !extension.starts_with(b".") {
            return None;
        }
        let is_number = digits.iter().all(u8::is_ascii_digit);
        let digits = str::from_utf8(digits).ok().filter(|_| is_number)?;
        digits.parse().ok()
    }
}
