//! What a program prints of a stream into its own log: which thing it is and how it stands, but
//! no byte of a chunk. A sink need not be printable.
#![cfg(feature = "http-body")]

use std::error::Error;
use std::fmt::Debug;
use std::io::{self, Cursor};

use highwater::{EndError, Writable};

type Checked = Result<(), Box<dyn Error>>;

const SECRET: &str = "a secret";

/// A sink that cannot be printed, and refuses everything.
struct Refuses;

impl io::Write for Refuses {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn shows(thing: &dyn Debug, expected: &str) {
    let shown = format!("{thing:?}");
    assert!(shown.starts_with(expected), "{shown}, not {expected}");
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn what_a_user_holds_shows_its_name_and_no_bytes() -> Checked {
    let builder = Writable::builder().high_water_mark(8).limit(8);
    shows(&builder, "Builder { options: Options {");
    let (mut out, worker) = builder.pair(futures::io::Cursor::new(Vec::new()));
    shows(&worker, "Worker { .. }");
    let _flow = out.write(SECRET)?;
    shows(
        &out,
        "Writable { snapshot: Snapshot { phase: Writable, length: 8,",
    );
    let writer = out.writer();
    shows(
        &writer,
        "Writer { snapshot: Snapshot { phase: Writable, length: 8,",
    );
    shows(&writer.flush(), "Wait { .. }");
    shows(&writer.send(SECRET), "Sending(Chunk(8 bytes))");
    shows(&out.cork()?, "CorkGuard { .. }");
    shows(&out.destroy(), "Destroy { .. }");
    let (out, body) = Writable::builder().body();
    shows(&out.end(), "End { .. }");
    shows(&body, "Body { left: ");
    Ok(())
}

#[test]
fn what_a_failure_hands_back_shows_its_name_and_no_bytes() -> Checked {
    let mut out = Writable::builder().spawn(Refuses)?;
    let _flow = out.write(SECRET)?;
    let failed = out.end().wait().expect_err("the sink refuses it");
    shows(&failed, "Failed { cause: ");
    let EndError::Failed { unfinished, .. } = failed else {
        panic!("{failed:?}");
    };
    shows(&unfinished, "Unfinished { unsent: ");
    let piped = Writable::builder()
        .spawn(Refuses)?
        .pipe(Cursor::new(SECRET));
    shows(&piped.expect_err("the sink refuses it"), "Write { error: ");
    let (out, _worker) = Writable::builder()
        .high_water_mark(4)
        .limit(4)
        .pair(Vec::new());
    let refused = out.end_with(SECRET).wait().expect_err("it is too long");
    shows(&refused, "Refused(");
    shows(&EndError::<Refuses>::TimedOut, "TimedOut");
    shows(&EndError::<Refuses>::WouldDeadlock, "WouldDeadlock");
    shows(&EndError::<Refuses>::Forked, "Forked");
    Ok(())
}

/// The error of the system is the text of this one, so it is not its source.
#[test]
fn a_worker_that_does_not_start_says_why_and_hands_back_the_sink() {
    let builder = Writable::builder().thread_name("no\0name");
    let error = builder
        .spawn(Refuses)
        .expect_err("no thread has such a name");
    assert_eq!(error.code(), "EINVAL");
    shows(&error, "SpawnError { source: ");
    let why = error.source.to_string();
    assert!(
        !why.is_empty() && error.to_string().ends_with(&why),
        "{error}"
    );
    assert!(error.source().is_none());
    let Refuses = error.sink;
}
