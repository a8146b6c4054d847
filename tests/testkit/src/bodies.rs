//! A body that is polled by hand.

use bytes::Bytes;
use futures::StreamExt;
use highwater::{Body, Cause, Writable};

use crate::players::polled::poll_once;

/// Makes a stream with a mark of 1,024 bytes, and its body.
pub fn body() -> (Writable<()>, Body) {
    Writable::builder().high_water_mark(1024).body()
}

/// Returns the next chunk, which is there.
#[track_caller]
pub fn next(body: &mut Body) -> Bytes {
    let next = poll_once(body.next()).expect("a chunk is there");
    next.expect("it is not at its end").expect("it goes well")
}

/// Returns the error that the body ends with. Nothing comes after it.
#[track_caller]
pub fn error(body: &mut Body) -> Cause {
    let next = poll_once(body.next()).expect("its end is there");
    let error = next.expect("it is no good end").expect_err("no chunk");
    assert!(poll_once(body.next()).expect("it has ended").is_none());
    error
}

/// The body is at a good end.
#[track_caller]
pub fn ends(body: &mut Body) {
    assert!(poll_once(body.next()).expect("its end is there").is_none());
}

/// The body has nothing to give yet.
#[track_caller]
pub fn waits(body: &mut Body) {
    assert!(poll_once(body.next()).is_none(), "nothing is there");
}
