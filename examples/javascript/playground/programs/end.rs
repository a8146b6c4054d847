//! `end` delivers what was written. `destroy` gives it back.
use highwater::Writable;

fn main() -> Result<(), highwater::BoxError> {
    let mut out = Writable::builder().spawn(Vec::new())?;
    let a = out.send("a").wait()?; // [write]
    let b = out.send("b").wait()?;
    let (mut a, mut b) = (out.delivered(a), out.delivered(b));
    if std::env::args().nth(1).as_deref() == Some("destroy") {
        let unfinished = out.destroy().wait()?; // [destroy] [close]
        println!("not sent: {:?}", unfinished.unsent);
    } else {
        let finished = out.end().wait()?; // [end] [finish] [close]
        println!("delivered: {} bytes", finished.totals.delivered);
    }
    println!("a {:?}, b {:?}", a.wait(), b.wait()); // [callback]
    Ok(())
}
