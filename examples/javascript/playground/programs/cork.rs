//! Sends a head and a body of a response together.
use highwater::Writable;

fn main() -> Result<(), highwater::BoxError> {
    let mut out = Writable::builder().spawn(Vec::new())?;
    let mut corked = out.cork()?; // [cork]
    let _ = corked.write("HTTP/1.1 200 OK\r\n")?; // [write]
    let _ = corked.write("Content-Length: 2\r\n")?;
    let _ = corked.write("\r\n")?;
    let _ = corked.write("ok")?;
    drop(corked); // [uncork] [sink]
    assert_eq!(out.end().wait()?.sink.len(), 40);
    Ok(())
}
