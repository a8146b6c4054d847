//! On the caller's thread, and highwater over a thread.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use highwater::{Flow, Writable};

use super::{BUFFER, MARK, each_line, line};
use crate::Failure;

const LINES_A_CORK: u64 = 1000;

pub(super) fn buf_writer(count: u64, path: &Path) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(BUFFER, File::create(path)?);
    each_line(count, |line| Ok(out.write_all(line)?))?;
    Ok(out.flush()?)
}

pub(super) fn highwater(count: u64, path: &Path) -> Result<(), Failure> {
    let mut out = Writable::builder()
        .high_water_mark(MARK as u64)
        .spawn(File::create(path)?)?;
    each_line(count, |line| {
        if out.write(line)? == Flow::Wait {
            out.drained().wait()?;
        }
        Ok(())
    })?;
    out.end().wait()?;
    Ok(())
}

pub(super) fn highwater_corks(count: u64, path: &Path) -> Result<(), Failure> {
    let mut out = Writable::builder()
        .high_water_mark(MARK as u64)
        .spawn(File::create(path)?)?;
    let mut buffer = [0; 21];
    let mut next = 1;
    while next <= count {
        let mut flow = Flow::More;
        let corked = out.cork()?;
        for number in next..=count.min(next + LINES_A_CORK - 1) {
            flow = corked.write(line(number, &mut buffer))?;
        }
        drop(corked);
        next += LINES_A_CORK;
        if flow == Flow::Wait {
            out.drained().wait()?;
        }
    }
    out.end().wait()?;
    Ok(())
}
