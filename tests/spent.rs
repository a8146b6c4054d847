//! A worker drops each chunk as soon as the sink has it, not only when it is done with the job:
//! the stream has room again for as many bytes, so it would hold twice its mark.
#![cfg(feature = "futures")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::executor::block_on;
use futures::future::join;
use futures::io::AllowStdIo;
use highwater::{BoxError, Flow, Writable};
use highwater_testkit::bodies::{body, next};
use highwater_testkit::sinks::{OnWrite, on_write};

/// Counts the chunks that are dropped.
#[derive(Clone, Default)]
struct Dropped(Arc<AtomicUsize>);

struct Owner(Dropped);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        b"a chunk"
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Dropped {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Three chunks, which go to the sink in one job.
    fn write_to<W>(&self, out: &mut Writable<W>) -> Result<(), BoxError> {
        let corked = out.cork()?;
        for _ in 0..3 {
            let chunk = Bytes::from_owner(Owner(self.clone()));
            assert_eq!(corked.write_chunk(chunk)?, Flow::More);
        }
        Ok(())
    }

    /// A sink that takes one chunk at a time. At the nth it finds n dropped.
    fn sink(&self) -> OnWrite<impl FnMut(&[u8]) -> io::Result<usize> + use<>> {
        let (dropped, mut calls) = (self.clone(), 0);
        on_write(move |bytes| {
            assert_eq!(dropped.count(), calls);
            calls += 1;
            Ok(bytes.len())
        })
    }
}

#[test]
fn a_thread_drops_each_chunk_once_the_sink_has_it() -> Result<(), BoxError> {
    let dropped = Dropped::default();
    let builder = Writable::builder().vectored(false);
    let mut out = builder.spawn(dropped.sink()).map_err(io::Error::from)?;
    dropped.write_to(&mut out)?;
    out.end().wait()?;
    assert_eq!(dropped.count(), 3);
    Ok(())
}

#[test]
fn a_future_drops_each_chunk_once_the_sink_has_it() -> Result<(), BoxError> {
    let dropped = Dropped::default();
    let builder = Writable::builder().vectored(false);
    let (mut out, worker) = builder.pair(AllowStdIo::new(dropped.sink()));
    dropped.write_to(&mut out)?;
    let (ended, ()) = block_on(join(out.end(), worker));
    ended?;
    assert_eq!(dropped.count(), 3);
    Ok(())
}

#[test]
fn a_body_drops_each_chunk_once_its_reader_comes_back() -> Result<(), BoxError> {
    let (mut out, mut body) = body();
    let dropped = Dropped::default();
    dropped.write_to(&mut out)?;
    for calls in 0..3 {
        drop(next(&mut body));
        assert_eq!(dropped.count(), calls);
    }
    drop(body);
    assert_eq!(dropped.count(), 2, "the last comes back to its writer");
    drop(out);
    assert_eq!(dropped.count(), 3);
    Ok(())
}
