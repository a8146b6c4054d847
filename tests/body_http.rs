//! What a server or client of HTTP asks of a body: its length, its trailers, and whether it may
//! drop the body, as hyper does before the last poll. Each answer is also right for a stream that
//! is cut off.
#![cfg(feature = "http-body")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use bytes::Bytes;
use futures::{AsyncReadExt, StreamExt};
use highwater::{Body, Cause, Writable, Writer};
use highwater_testkit::bodies::{body, ends, error, next};
use highwater_testkit::players::polled::poll_once;
use highwater_testkit::wakes::Counted;
use http_body::Body as _;

#[test]
fn a_reader_may_drop_a_body_that_has_said_it_is_at_its_end() {
    let (out, mut body) = body();
    assert!(!body.is_end_stream());
    let mut end = out.end_with("all");
    assert!(!body.is_end_stream());
    assert_eq!(next(&mut body), "all");
    assert!(body.is_end_stream());
    assert!(poll_once(&mut end).is_none(), "the reader may not have it");
    drop(body);
    let finished = poll_once(&mut end)
        .expect("it is over")
        .expect("it is well");
    assert_eq!(finished.totals.delivered, 3);
}

#[test]
fn a_reader_that_has_not_asked_for_the_end_does_not_know_it() {
    let (out, mut body) = body();
    let mut end = out.end_with("all");
    assert_eq!(next(&mut body), "all");
    drop(body);
    assert!(end.wait().is_err());
}

#[test]
fn an_empty_body_is_at_its_end_at_once() {
    let (out, body) = body();
    let mut end = out.end();
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
    drop(body);
    assert!(end.wait().is_ok());
}

#[test]
fn the_size_is_known_once_the_stream_has_ended() {
    let (mut out, mut body) = body();
    let _flow = out.write_chunk("first").expect("it is open");
    assert_eq!(body.size_hint().exact(), None);
    drop(out.end_with("last"));
    assert_eq!(body.size_hint().exact(), Some(9));
    assert_eq!(next(&mut body), "first");
    assert_eq!(body.size_hint().exact(), Some(4));
}

#[test]
fn the_length_of_a_body_is_exact() {
    let (mut out, body) = body();
    let mut body = body.with_length(6);
    assert_eq!(body.size_hint().exact(), Some(6));
    let _flow = out.write("abc").expect("it is open");
    assert_eq!(next(&mut body), "abc");
    assert_eq!(body.size_hint().exact(), Some(3));
    let mut end = out.end_with("def");
    assert_eq!(next(&mut body), "def");
    assert_eq!(body.size_hint().exact(), Some(0));
    ends(&mut body);
    assert!(end.wait().is_ok());
}

#[test]
fn a_reader_may_drop_a_body_after_the_last_byte_of_its_length() {
    let (mut out, body) = body();
    let mut body = body.with_length(3);
    let _flow = out.write("abc").expect("it is open");
    assert_eq!(next(&mut body), "abc");
    drop(body);
    assert!(out.delivered(3).wait().is_ok());
    let mut flush = Counted::new(out.flush());
    assert!(flush.poll().is_ready());
    assert!(out.end().wait().is_ok(), "the end came later");
}

#[test]
fn too_many_bytes_are_an_error_to_both() {
    let text = "the body is longer than its 5 bytes";
    // All at once, piece by piece, and a chunk that would fill the body before one too many.
    for pieces in [&["sixsix"][..], &["abc", "def"], &["abcde", "f"]] {
        let (mut out, body) = body();
        let mut body = body.with_length(5);
        let corked = out.cork().expect("it is open");
        for piece in pieces {
            let _flow = corked.write_chunk(*piece).expect("it is open");
        }
        drop(corked);
        let whole = pieces.iter().take_while(|piece| piece.len() < 5);
        for piece in whole.take(pieces.len() - 1) {
            assert_eq!(next(&mut body), *piece);
        }
        assert_eq!(error(&mut body).to_string(), text);
        let error = out.write("more").expect_err("it has failed");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_byte_after_the_last_one_is_refused_when_the_reader_has_left_with_all() {
    let (mut out, body) = body();
    let mut body = body.with_length(3);
    let _flow = out.write("abc").expect("it is open");
    assert_eq!(next(&mut body), "abc");
    drop(body);
    let _flow = out.write("d").expect("the stream learns of it later");
    let error = out.end().wait().expect_err("it was too long");
    assert_eq!(error.to_string(), "the body is longer than its 3 bytes");
}

#[test]
fn a_reader_that_has_left_with_all_wakes_one_waiter_after_the_other() {
    let (mut out, body) = Writable::builder().high_water_mark(1).body();
    let mut body = body.with_length(3);
    let _flow = out.write("abc").expect("it is open");
    let mut waiters = [(); 3].map(|()| Counted::waiting(out.send("")));
    assert_eq!(next(&mut body), "abc");
    drop(body);
    assert_eq!(waiters.each_ref().map(Counted::woken), [1; 3]);
    assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_ready()));
    assert!(out.end().wait().is_ok());
}

#[test]
fn a_waiter_that_writes_when_it_is_woken_finds_a_reader_that_has_left_with_all() {
    /// Writes from within its wake-up.
    struct Writes(Mutex<Option<Writer>>);

    impl Wake for Writes {
        fn wake(self: Arc<Self>) {
            let writer = self.0.lock().expect("no panic").take();
            let written = writer.expect("it is woken once").write("too long");
            assert!(written.is_ok(), "the stream learns of it later");
        }
    }

    let (mut out, body) = Writable::builder().high_water_mark(1).body();
    let mut body = body.with_length(3);
    let _flow = out.write("abc").expect("it is open");
    let first = Counted::waiting(out.send("first"));
    let writes = Arc::new(Writes(Mutex::new(Some(out.writer()))));
    let waker = Waker::from(writes);
    let mut second = pin!(out.send("second"));
    let mut cx = Context::from_waker(&waker);
    assert!(second.as_mut().poll(&mut cx).is_pending());
    assert_eq!(next(&mut body), "abc");
    drop(body);
    assert_eq!(first.woken(), 1);
    assert!(
        out.drained().wait().is_err(),
        "what was written is too long"
    );
    let error = out.end().wait().expect_err("it was too long");
    assert_eq!(error.to_string(), "the body is longer than its 3 bytes");
}

#[test]
fn a_length_counts_from_where_the_reader_is() {
    let (mut out, mut body) = body();
    let _flow = out.write_chunk("read before").expect("it is open");
    assert_eq!(next(&mut body), "read before");
    let mut body = body.with_length(3);
    assert_eq!(body.size_hint().exact(), Some(3));
    let mut end = out.end_with("abc");
    assert_eq!(next(&mut body), "abc");
    ends(&mut body);
    assert!(end.wait().is_ok());
}

#[test]
fn a_reader_of_bytes_that_leaves_in_the_last_chunk_does_not_have_it() {
    let (mut out, body) = body();
    let mut reader = body.with_length(3).reader();
    let _flow = out.write("abc").expect("it is open");
    let count = poll_once(reader.read(&mut [0; 2])).expect("it is there");
    assert_eq!(count.ok(), Some(2));
    drop(reader);
    let error = out.end().wait().expect_err("the reader has left");
    assert_eq!(error.code(), "EPIPE");
}

#[test]
fn too_few_bytes_are_an_error_to_both() {
    let (out, body) = body();
    let mut body = body.with_length(5);
    let mut end = out.end_with("abc");
    assert_eq!(next(&mut body), "abc");
    let text = "the body ended after 3 of its 5 bytes";
    assert!(!body.is_end_stream());
    assert_eq!(error(&mut body).to_string(), text);
    assert_eq!(end.wait().expect_err("too short").to_string(), text);
}

/// The next frame of an HTTP body: its data, or its trailers.
fn frame(body: &mut Body) -> Option<Result<http_body::Frame<Bytes>, Cause>> {
    let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
    poll_once(pin!(frame)).expect("a frame is there")
}

fn checksum() -> Option<http::HeaderMap> {
    let mut trailers = http::HeaderMap::new();
    trailers.insert("checksum", http::HeaderValue::from_static("294"));
    Some(trailers)
}

#[test]
fn trailers_come_after_the_data() {
    let (out, body) = body();
    let mut body = body.with_trailers(checksum);
    let mut end = out.end_with("abc");
    assert_eq!(body.size_hint().exact(), None);
    let data = frame(&mut body).expect("data").expect("it goes well");
    assert!(data.is_data() && !body.is_end_stream());
    let trailers = frame(&mut body).expect("trailers").expect("it goes well");
    assert_eq!(trailers.into_trailers().ok(), checksum());
    assert!(body.is_end_stream());
    assert!(frame(&mut body).is_none());
    assert!(end.wait().is_ok());
}

#[test]
fn a_reader_may_drop_a_body_after_its_trailers() {
    let (out, body) = body();
    let mut body = body.with_trailers(checksum);
    let mut end = out.end();
    assert!(!body.is_end_stream());
    let trailers = frame(&mut body).expect("trailers").expect("it goes well");
    assert!(trailers.is_trailers());
    drop(body);
    assert!(end.wait().is_ok());
}

#[test]
fn trailers_may_be_none_or_panic() {
    let (out, reader) = body();
    let mut reader = reader.with_trailers(|| None);
    drop(out.end());
    assert!(frame(&mut reader).is_none());

    let (out, reader) = body();
    let mut reader = reader.with_trailers(|| panic!("as planned"));
    drop(out.end());
    let error = frame(&mut reader).expect("no end").err();
    assert_eq!(error.map(|cause| cause.code()), Some("PANIC"));
}

#[test]
fn a_stream_that_is_cut_off_has_no_trailers() {
    let (out, body) = body();
    let called = Arc::new(());
    let own = Arc::clone(&called);
    let mut body = body.with_trailers(move || panic!("called: {own:?}"));
    drop(out);
    assert_eq!(error(&mut body).code(), "ABORT_ERR");
    assert_eq!(Arc::strong_count(&called), 1, "they are dropped");
    assert!(body.is_end_stream());
}

#[test]
fn a_reader_of_data_ignores_trailers() {
    let (out, body) = body();
    let mut body = body.with_trailers(checksum);
    drop(out.end_with("abc"));
    assert_eq!(next(&mut body), "abc");
    ends(&mut body);
}

#[test]
fn an_end_that_is_destroyed_is_no_end() {
    let (out, mut body) = body();
    let end = out.end_with("abc");
    assert_eq!(next(&mut body), "abc");
    drop(end.destroy());
    assert!(!body.is_end_stream());
    assert_eq!(body.size_hint().exact(), None);
    assert_eq!(error(&mut body).to_string(), "the stream was destroyed");
}

#[test]
fn an_empty_body_that_is_destroyed_is_not_at_its_end() {
    let (out, body) = body();
    drop(out.end().destroy());
    assert!(!body.is_end_stream());
    assert_eq!(body.size_hint().exact(), None);
}

#[test]
fn a_body_that_is_cut_off_is_at_no_end_and_has_no_size() {
    let (mut out, mut body) = body();
    let _flow = out.write("half").expect("it is open");
    assert_eq!(next(&mut body), "half");
    drop(out);
    assert!(!body.is_end_stream());
    assert_eq!(body.size_hint().exact(), None);
    drop(error(&mut body));
    assert!(body.is_end_stream(), "nothing more comes");
}

/// Panics when its last waker is dropped.
struct PanicsAtDrop;

impl Wake for PanicsAtDrop {
    fn wake(self: Arc<Self>) {}
}

impl Drop for PanicsAtDrop {
    fn drop(&mut self) {
        panic!("as planned");
    }
}

#[test]
fn a_waker_that_panics_when_it_is_dropped_keeps_no_end_from_the_producer() {
    let (mut out, body) = body();
    let mut body = body.with_length(3);
    let _flow = out.write("abc").expect("it is open");
    assert_eq!(next(&mut body), "abc");
    let waker = Waker::from(Arc::new(PanicsAtDrop));
    let mut cx = Context::from_waker(&waker);
    assert!(body.poll_next_unpin(&mut cx).is_pending());
    drop(waker);
    drop(body); // its own waker takes the place of the last clone
    assert!(out.end().wait().is_ok());
}
