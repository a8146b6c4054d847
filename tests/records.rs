//! Records: each write is one call of the sink, in order, for every worker.

use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;

use futures::executor::block_on;
use futures::future::join;
use futures::{FutureExt, SinkExt, StreamExt};
use highwater::{BoxError, Builder, Writable};
use highwater_testkit::gate::Gate;
use highwater_testkit::random;
use highwater_testkit::sinks::on_write;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

type Checked = Result<(), BoxError>;

fn records() -> Builder {
    Writable::builder().high_water_mark(64).records(true)
}

/// A sink that keeps each call apart, and takes all of it. It has a `write_vectored`, which a
/// stream of records must not call with more than one.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Vec<u8>>>>);

impl Calls {
    fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.0.lock().expect("no panic with the lock"))
    }

    fn called(&self, slices: &[IoSlice<'_>]) -> usize {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let count = bytes.len();
        self.0.lock().expect("no panic with the lock").push(bytes);
        count
    }
}

impl Write for Calls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.called(&[IoSlice::new(bytes)]))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(self.called(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Both kinds of a polled sink have the same calls.
macro_rules! polled {
    ($kind:path, $close:ident) => {
        impl $kind for Calls {
            fn poll_write(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(Ok(self.called(&[IoSlice::new(bytes)])))
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(Ok(self.called(slices)))
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn $close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }
    };
}

polled!(futures::io::AsyncWrite, poll_close);
polled!(tokio::io::AsyncWrite, poll_shutdown);

/// Writes random records in each way that there is. Returns them.
fn write_all<W>(out: &mut Writable<W>, random: &mut SmallRng) -> Result<Vec<Vec<u8>>, BoxError> {
    let mut written = Vec::new();
    let mut record = |random: &mut SmallRng| {
        let len = random.random_range(1..100);
        let record = vec![random.random::<u8>(); len];
        written.push(record.clone());
        record
    };
    let mut other = out.writer();
    for _ in 0..random.random_range(1..60) {
        let bytes = record(random);
        match random.random_range(0..6) {
            0 => drop(out.write(&bytes)?),
            1 => drop(other.write(&bytes)?),
            2 => drop(out.write_chunk(bytes)?),
            3 => drop(out.cork()?.write(&bytes)?),
            4 => {
                let mut corked = other.cork()?;
                let _flow = corked.write(&bytes)?;
                let _flow = corked.write("")?; // no record
                let _flow = corked.write(record(random))?;
            }
            _ => {
                let _flow = out.write(&bytes)?;
                drop(other.flush());
            }
        }
        if random.random_bool(0.1) {
            thread::yield_now();
        }
    }
    Ok(written)
}

/// So many random schedules, with a seed for each.
fn schedules(mut play: impl FnMut(&mut SmallRng) -> Checked) -> Checked {
    let seed = random::seed();
    for case in 0..300 {
        let mut random = SmallRng::seed_from_u64(seed.wrapping_add(case));
        play(&mut random).map_err(|error| format!("seed {seed}, case {case}: {error}"))?;
    }
    Ok(())
}

/// As an error, so that it comes with the seed.
fn same(found: &[Vec<u8>], expected: &[Vec<u8>]) -> Checked {
    let lens = |records: &[Vec<u8>]| records.iter().map(Vec::len).collect::<Vec<_>>();
    match found == expected {
        true => Ok(()),
        false => Err(format!("{:?} instead of {:?}", lens(found), lens(expected)).into()),
    }
}

#[test]
fn a_thread_calls_the_sink_once_for_each_record() -> Checked {
    schedules(|random| {
        let calls = Calls::default();
        let mut out = records().spawn(calls.clone())?;
        let written = write_all(&mut out, random)?;
        out.end().wait()?;
        same(&calls.take(), &written)
    })
}

#[test]
fn a_future_calls_the_sink_once_for_each_record() -> Checked {
    schedules(|random| {
        let calls = Calls::default();
        let (mut out, worker) = records().pair(calls.clone());
        let written = write_all(&mut out, random)?;
        let (ended, ()) = block_on(join(out.end(), worker));
        ended?;
        same(&calls.take(), &written)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_calls_the_sink_once_for_each_record() -> Checked {
    let seed = random::seed();
    for case in 0..300 {
        let mut random = SmallRng::seed_from_u64(seed.wrapping_add(case));
        let calls = Calls::default();
        let mut out = records().spawn_tokio(calls.clone())?;
        let written = write_all(&mut out, &mut random)?;
        out.end().await?;
        let verdict = same(&calls.take(), &written);
        verdict.map_err(|error| format!("seed {seed}, case {case}: {error}"))?;
    }
    Ok(())
}

#[test]
fn a_body_has_a_frame_for_each_record() -> Checked {
    schedules(|random| {
        let (mut out, mut body) = records().body();
        let written = write_all(&mut out, random)?;
        let read = async {
            let mut frames = Vec::new();
            while let Some(frame) = body.next().await {
                frames.push(frame.map(|frame| frame.to_vec())?);
            }
            Ok::<_, BoxError>(frames)
        };
        let (ended, frames) = block_on(join(out.end(), read));
        ended?;
        same(&frames?, &written)
    })
}

#[test]
fn the_rest_of_a_record_has_calls_of_its_own() -> Checked {
    let calls = Calls::default();
    let kept = calls.clone();
    let half = move |bytes: &[u8]| {
        let half = bytes.len().div_ceil(2);
        Ok(kept.called(&[IoSlice::new(&bytes[..half])]))
    };
    let mut out = records().spawn(on_write(half))?;
    let mut corked = out.cork()?;
    let _flow = corked.write("abcd")?;
    let _flow = corked.write("ef")?;
    drop(corked);
    out.end().wait()?;
    let expected = ["ab", "c", "d", "e", "f"].map(|part| part.as_bytes().to_vec());
    same(&calls.take(), &expected)
}

/// The blocking, the polled and the formatted views: none of them cuts a record.
#[tokio::test]
async fn a_buffer_longer_than_the_mark_is_one_record_in_every_view() -> Checked {
    use tokio::io::AsyncWriteExt;

    let long = vec![7; 10_000];
    let calls = Calls::default();
    let mut out = records().limit(10_010).spawn(calls.clone())?;
    let mut blocking = out.writer().blocking();
    blocking.write_all(&long)?;
    writeln!(blocking, "{} {}", 1, 2)?;
    Write::write_all(&mut out, &long)?;
    AsyncWriteExt::write_all(&mut out, &long).await?;
    SinkExt::send(&mut out, long.clone().into()).await?;
    out.end().await?;
    let mut expected = vec![long; 5];
    expected[1] = b"1 2\n".to_vec();
    same(&calls.take(), &expected)
}

/// A piece of it would fit, and all of it does not yet.
#[test]
fn a_record_waits_until_all_of_it_fits_below_the_limit() -> Checked {
    let gate = Gate::default();
    let builder = Writable::builder().records(true).high_water_mark(8);
    let mut out = builder.limit(8).spawn(gate.sink())?;
    let _flow = out.write("first ")?;
    assert_eq!(gate.wait_for_call(), b"first ");
    let mut write = futures::AsyncWriteExt::write(&mut out, b"second");
    let waits = (&mut write).now_or_never().is_none();
    gate.open();
    assert!(waits);
    assert_eq!(block_on(write)?, 6);
    out.end().wait()?;
    assert_eq!(gate.taken(), b"first second");
    Ok(())
}

#[test]
fn records_of_several_threads_stay_apart() -> Checked {
    const EACH: u32 = 2000;
    let calls = Calls::default();
    let out = records().spawn(calls.clone())?;
    thread::scope(|scope| {
        for thread in 0..4_u32 {
            let mut writer = out.writer().blocking();
            let mut write = move || (0..EACH).try_for_each(|n| write!(writer, "{thread} {n}"));
            scope.spawn(move || write().expect("the stream takes it"));
        }
    });
    out.end().wait()?;
    let mut next = [0; 4];
    for call in calls.take() {
        let text = String::from_utf8(call)?;
        let (thread, n) = text.split_once(' ').ok_or("no record")?;
        let (thread, n): (usize, u32) = (thread.parse()?, n.parse()?);
        assert_eq!(n, next[thread], "{text}");
        next[thread] += 1;
    }
    assert_eq!(next, [EACH; 4]);
    Ok(())
}

/// Without records, what waits for the sink goes to it together: the tests above can fail.
#[test]
fn writes_are_joined_unless_they_are_records() -> Checked {
    let calls = Calls::default();
    let mut out = Writable::builder().spawn(calls.clone())?;
    let mut corked = out.cork()?;
    let _flow = corked.write("a")?;
    let _flow = corked.write("b")?;
    drop(corked);
    out.end().wait()?;
    same(&calls.take(), &[b"ab".to_vec()])
}
