//! Writes 100,000 lines into a file, and waits whenever the stream is full.
use highwater::{Flow, Writable};
use std::fs::File;

fn main() -> Result<(), highwater::BoxError> {
    let mut out = Writable::builder()
        .high_water_mark(16 * 1024)
        .spawn(File::create("numbers.txt")?)?;
    for n in 1..=100_000 {
        let flow = out.write(format!("{n}\n"))?; // [write]
        if flow == Flow::Wait {
            out.drained().wait()?; // [full] [drain]
        }
    }
    out.end().wait()?; // [end]
    Ok(())
}
