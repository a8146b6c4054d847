//! Standard input and output, as a program finds them: closed, non-blocking, or one file.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use highwater::sink::WaitReady;
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, stat};
use same_file::Handle;

use crate::Failure;

/// Standard output, without the buffer of the standard library.
///
/// # Errors
///
/// If it is closed.
pub fn standard_output() -> io::Result<WaitReady<File>> {
    open_or_closed(&io::stdout())?;
    let stdout = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(WaitReady::new(File::from(stdout)))
}

/// Checks that the program was not started with this descriptor closed.
///
/// # Errors
///
/// If it was.
pub fn open_or_closed(descriptor: &impl AsFd) -> io::Result<()> {
    match is_closed(descriptor)? {
        true => Err(io::Error::other(
            "it is closed, or it is /dev/null opened for reading and writing",
        )),
        false => Ok(()),
    }
}

/// In the place of a standard descriptor that is closed, the runtime of Rust opens the null
/// device before `main`, for reading and writing. A shell opens it for one of them.
fn is_closed(descriptor: &impl AsFd) -> io::Result<bool> {
    let (file, null) = (fstat(descriptor)?, stat("/dev/null")?);
    let is_device = FileType::from_raw_mode(file.st_mode) == FileType::CharacterDevice;
    let mode = fcntl_getfl(descriptor)? & OFlags::RWMODE;
    Ok(is_device && file.st_rdev == null.st_rdev && mode == OFlags::RDWR)
}

/// Checks that what is written to is not a file that standard input reads: it would be cut, or
/// grow without an end.
///
/// # Errors
///
/// If it is.
pub fn is_not_standard_input(file: &File) -> io::Result<()> {
    differs(file, Handle::stdin(), "it is also standard input")
}

/// Checks that what is written to is not the file that standard output is.
///
/// # Errors
///
/// If it is.
pub fn is_not_standard_output(file: &File) -> io::Result<()> {
    let text = "it is also standard output, which gets the report";
    differs(file, Handle::stdout(), text)
}

fn differs(file: &File, standard: io::Result<Handle>, text: &str) -> io::Result<()> {
    // A terminal may be both.
    if !file.metadata()?.is_file() {
        return Ok(());
    }
    match Handle::from_file(file.try_clone()?)? == standard? {
        true => Err(io::Error::other(text)),
        false => Ok(()),
    }
}

/// Says a line on standard output, which may be closed, or full.
///
/// # Errors
///
/// If it is.
pub fn say(text: &str) -> Result<(), Failure> {
    let line = format!("{}\n", text.trim_end());
    standard_output()
        .and_then(|mut stdout| stdout.write_all(line.as_bytes()))
        .map_err(|error| Failure::of("standard output", &error))
}

/// Says a line on standard error. If that is closed, there is no other place for it.
pub fn tell(text: &str) {
    let line = format!("{}\n", text.trim_end());
    let _ = WaitReady::new(io::stderr()).write_all(line.as_bytes());
}
