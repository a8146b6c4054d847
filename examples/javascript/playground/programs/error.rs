//! The sink fails at the third chunk. Each caller learns of it.
use highwater::Writable;
use std::io::{self, Write};

struct Disk(u32);

impl Write for Disk {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        self.0 += 1; // [sink]
        if self.0 == 3 {
            return Err(io::Error::other("disk full")); // [answer]
        }
        Ok(chunk.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn main() -> Result<(), highwater::BoxError> {
    let mut out = Writable::builder().spawn(Disk(0))?;
    for name in ["a", "b", "c", "d", "e"] {
        let accepted = out.send(name).wait(); // [write]
        match accepted {
            Ok(position) => println!("{name}: {:?}", out.delivered(position).wait()), // [callback]
            Err(error) => println!("{name}: {error}"),
        }
    }
    if let Err(error) = out.end().wait() {
        println!("error: {error}"); // [error] [close]
    }
    Ok(())
}
