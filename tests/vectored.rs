//! Several chunks in one call of the sink: again after a partial write, and never more bytes
//! than a system takes.

use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use futures::executor::block_on;
use futures::future::join;
use highwater::{BoxError, Chunk, Writable};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

type Checked = Result<(), BoxError>;

/// A sink that takes this many bytes at its first call, and everything at the others. It
/// counts the chunks and the bytes that each call gets, and looks at none of the bytes.
struct TakesPart {
    first: usize,
    calls: Vec<(usize, u64)>,
}

impl TakesPart {
    fn new(first: usize) -> Self {
        Self {
            first,
            calls: Vec::new(),
        }
    }

    fn take(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let given: u64 = slices.iter().map(|slice| slice.len() as u64).sum();
        // As macOS does.
        if given >= MOST {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let first = self.calls.is_empty();
        let count = if first { self.first } else { given as usize };
        self.calls.push((slices.len(), given));
        Ok(count)
    }
}

/// macOS refuses a call of this many bytes or more.
const MOST: u64 = (1 << 31) - 1;

impl Write for TakesPart {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.take(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl futures::io::AsyncWrite for TakesPart {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.take(&[IoSlice::new(bytes)]))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.take(slices))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Writes these chunks under a cork, so that they are one job.
fn write_all<W>(out: &mut Writable<W>, chunks: Vec<Chunk>) -> Checked {
    let corked = out.cork()?;
    for chunk in chunks {
        let _flow = corked.write_chunk(chunk)?;
    }
    Ok(())
}

/// The calls that a sink gets, over a thread and over a future. They are the same.
fn calls(first: usize, chunks: &[Chunk]) -> Result<Vec<(usize, u64)>, BoxError> {
    let mut out = Writable::builder().spawn(TakesPart::new(first))?;
    write_all(&mut out, chunks.to_vec())?;
    let by_thread = out.end().wait()?.sink.calls;

    let (mut out, worker) = Writable::builder().pair(TakesPart::new(first));
    write_all(&mut out, chunks.to_vec())?;
    let (finished, ()) = block_on(join(out.end(), worker));
    assert_eq!(finished?.sink.calls, by_thread);
    Ok(by_thread)
}

/// A header of 30 bytes and six bodies of 100.
fn header_and_bodies() -> Vec<Chunk> {
    let bodies = (0..6).map(|_| Chunk::from(&[b'b'; 100][..]));
    [Chunk::from(&[b'h'; 30][..])]
        .into_iter()
        .chain(bodies)
        .collect()
}

#[test]
fn a_partial_write_is_followed_by_one_call_with_the_rest() -> Checked {
    for (first, rest) in [(1, 7), (10, 7), (29, 7), (31, 6), (130, 5), (629, 1)] {
        let expected = [(7, 630), (rest, 630 - first as u64)];
        assert_eq!(calls(first, &header_and_bodies())?, expected, "{first}");
    }
    Ok(())
}

/// `write_vectored` of the standard library takes the first slice, if a sink has none of its own.
#[test]
fn a_sink_that_takes_exactly_the_first_chunk_gets_one_chunk_a_call() -> Checked {
    let calls = calls(30, &header_and_bodies())?;
    let sizes: Vec<_> = calls.iter().map(|(chunks, _)| *chunks).collect();
    assert_eq!(sizes, [7, 1, 1, 1, 1, 1, 1]);
    Ok(())
}

#[test]
fn without_vectored_calls_each_call_gets_one_chunk() -> Checked {
    let mut out = Writable::builder()
        .vectored(false)
        .spawn(TakesPart::new(10))?;
    write_all(&mut out, header_and_bodies())?;
    let calls = out.end().wait()?.sink.calls;
    assert_eq!(calls[..3], [(1, 30), (1, 20), (1, 100)]);
    assert_eq!(calls.len(), 8);

    let builder = Writable::builder().vectored(false);
    let (mut out, worker) = builder.pair(TakesPart::new(10));
    write_all(&mut out, header_and_bodies())?;
    let (finished, ()) = block_on(join(out.end(), worker));
    assert_eq!(finished?.sink.calls, calls);
    Ok(())
}

const GIBIBYTE: usize = 1 << 30;

/// Up to a gibibyte of zeros. The system gives no memory for them, as the sink reads none.
fn zeros(count: usize) -> &'static [u8] {
    static ZEROS: OnceLock<Vec<u8>> = OnceLock::new();
    &ZEROS.get_or_init(|| vec![0; GIBIBYTE])[..count]
}

/// Static chunks may repeat one piece of memory, so their sum may pass any integer.
#[test]
fn chunks_that_repeat_pass_no_limit_of_a_call() -> Checked {
    let piece = zeros(GIBIBYTE);
    let all = 4 * GIBIBYTE as u64;
    for first in [1, GIBIBYTE - 1] {
        let calls = calls(
            first,
            &[piece.into(), piece.into(), piece.into(), piece.into()],
        )?;
        let taken: u64 = calls.iter().skip(1).map(|(_, given)| given).sum();
        assert_eq!(first as u64 + taken, all);
        assert!(calls.iter().all(|(_, given)| *given < MOST), "{calls:?}");
    }
    Ok(())
}

/// The longest call, and one byte more.
#[test]
fn a_call_gets_up_to_the_limit_of_a_system() -> Checked {
    let half = zeros(GIBIBYTE - 1);
    let two = |second: &'static [u8]| [Chunk::from(half), Chunk::from(second)];
    let given = MOST - 1;
    assert_eq!(calls(1, &two(half))?[0], (2, given));
    assert_eq!(calls(1, &two(zeros(GIBIBYTE)))?[0].0, 1);
    Ok(())
}

#[cfg(target_pointer_width = "64")]
#[test]
fn one_chunk_that_is_too_long_for_a_call_goes_out_in_parts() -> Checked {
    let long: &[u8] = vec![0; 2 * GIBIBYTE].leak();
    let whole = MOST as usize - 1;
    for others in [vec![], vec![Chunk::from("end")]] {
        let all = 2 * GIBIBYTE as u64 + others.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        let chunks: Vec<_> = [Chunk::from(long)].into_iter().chain(others).collect();
        let calls = calls(whole, &chunks)?;
        assert_eq!(calls[0], (1, whole as u64));
        assert_eq!(calls[1], (chunks.len(), all - whole as u64));
        assert_eq!(calls.len(), 2);
    }
    Ok(())
}

/// A connection that counts the calls of its writes.
struct Counting {
    socket: TcpStream,
    calls: usize,
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.calls += 1;
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.calls += 1;
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// The first chunk is more than the buffers of a connection hold, so the system takes a part
/// of it. The chunks after it still go out together.
#[tokio::test]
async fn a_connection_that_takes_a_part_gets_many_chunks_a_call() -> Checked {
    const CHUNKS: usize = 20_000;
    const LONG: usize = 64 * 1024 * 1024;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let socket = TcpStream::connect(listener.local_addr()?).await?;
    let (mut far, _) = listener.accept().await?;
    let mut out = Writable::builder().spawn_tokio(Counting { socket, calls: 0 })?;
    let long = Chunk::from(vec![b'x'; LONG]);
    let short = vec![Chunk::from(&[b'x'; 64][..]); CHUNKS];
    write_all(&mut out, [vec![long], short].concat())?;
    let end = out.end();
    let mut all = Vec::new();
    let (read, finished) = tokio::join!(far.read_to_end(&mut all), end);
    let calls = finished?.sink.calls;
    assert_eq!(read?, LONG + CHUNKS * 64);
    // One by one there are more calls than chunks.
    assert!(calls < CHUNKS, "{calls} calls for {CHUNKS} chunks");
    Ok(())
}
