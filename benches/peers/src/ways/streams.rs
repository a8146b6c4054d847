//! On the caller's thread, and highwater over a thread.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use highwater::{Flow, Writable};

use super::{BUFFER, MARK, each_line, line};
use crate::Failure;

pub(super) fn buf_writer(count: u64, path: &Path) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(BUFFER, File::create(path)?);
    each_line(count, |line| Ok(out.write_all(line)?))?;
    Ok(out.flush()?)
}

pub(super) fn buf_writer_formatted(count: u64, path: &Path) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(BUFFER, File::create(path)?);
    for number in 1..=count {
        writeln!(out, "{number}")?;
    }
    Ok(out.flush()?)
}

pub(super) fn highwater_formatted(count: u64, path: &Path) -> Result<(), Failure> {
    let mut out = Writable::builder()
        .high_water_mark(MARK as u64)
        .spawn(File::create(path)?)?;
    for number in 1..=count {
        writeln!(out, "{number}")?;
    }
    out.end().wait()?;
    Ok(())
}

pub(super) fn highwater(count: u64, path: &Path) -> Result<(), Failure> {
    let builder = Writable::builder().high_water_mark(MARK as u64);
    write_each(builder.spawn(File::create(path)?)?, count)
}

pub(super) fn highwater_default(count: u64, path: &Path) -> Result<(), Failure> {
    write_each(Writable::builder().spawn(File::create(path)?)?, count)
}

fn write_each(mut out: Writable<File>, count: u64) -> Result<(), Failure> {
    each_line(count, |line| write(&mut out, line))?;
    out.end().wait()?;
    Ok(())
}

#[inline]
pub(super) fn write<W>(out: &mut Writable<W>, line: &[u8]) -> Result<(), Failure> {
    if out.write(line)? == Flow::Wait {
        out.drained().wait()?;
    }
    Ok(())
}

pub(super) fn highwater_corks(count: u64, path: &Path) -> Result<(), Failure> {
    corked(count, 1000, path)
}

pub(super) fn highwater_short_corks(count: u64, path: &Path) -> Result<(), Failure> {
    corked(count, 10, path)
}

fn corked(count: u64, lines_a_cork: u64, path: &Path) -> Result<(), Failure> {
    let mut out = Writable::builder()
        .high_water_mark(MARK as u64)
        .spawn(File::create(path)?)?;
    let mut buffer = [0; 21];
    let mut next = 1;
    while next <= count {
        let mut full = false;
        let mut corked = out.cork()?;
        for number in next..=count.min(next + lines_a_cork - 1) {
            full |= corked.write(line(number, &mut buffer))? == Flow::Wait;
        }
        drop(corked);
        next += lines_a_cork;
        if full {
            out.drained().wait()?;
        }
    }
    out.end().wait()?;
    Ok(())
}
