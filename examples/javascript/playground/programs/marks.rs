//! 'drain' comes while half of the data is still there, so the sink never runs dry.
use highwater::{Flow, Writable};

fn main() -> Result<(), highwater::BoxError> {
    let mut out = Writable::builder()
        .high_water_mark(16 * 1024)
        .low_water_mark(8 * 1024)
        .spawn(std::io::sink())?; // [sink]
    for _ in 0..12 {
        let flow = out.write([0; 4096])?; // [write]
        if flow == Flow::Wait {
            out.drained().wait()?; // [full] [drain]
        }
    }
    let finished = out.end().wait()?; // [end]
    assert_eq!(finished.totals.delivered, 12 * 4096);
    Ok(())
}
