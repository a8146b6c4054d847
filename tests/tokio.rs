//! The worker that is a task of tokio, on real files and sockets.
#![cfg(feature = "tokio")]

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use highwater::{EndError, Flow, WaitError, Writable};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

type Checked = Result<(), highwater::BoxError>;

fn lines(count: u32) -> String {
    (1..=count).map(|n| format!("{n}\n")).collect()
}

/// Two connected sockets.
async fn connection() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let near = TcpStream::connect(listener.local_addr()?);
    let (near, far) = tokio::join!(near, listener.accept());
    Ok((near?, far?.0))
}

#[test]
fn a_hundred_thousand_lines_go_into_a_file() -> Checked {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("numbers.txt");
    let file = path.clone();
    Runtime::new()?.block_on(async move {
        // The file is opened once a write has returned `Flow::Wait`: a fast worker might keep
        // up with the producer.
        let (full, is_full) = futures::channel::oneshot::channel::<()>();
        let opening = async move {
            let _ = is_full.await;
            tokio::fs::File::create(file).await
        };
        let mut out = Writable::builder().spawn_tokio_with(opening)?;
        let mut full = Some(full);
        for n in 1..=100_000 {
            if out.write(format!("{n}\n"))? == Flow::Wait {
                drop(full.take());
                out.drained().await?;
            }
        }
        let done = out.end().await?;
        assert_eq!(done.totals.delivered, 588_895);
        assert!(done.totals.waits > 0);
        assert_eq!(done.totals.waits, done.totals.drains);
        assert!(done.totals.peak < 16 * 1024 + 7);
        Ok::<_, highwater::BoxError>(())
    })?;
    assert_eq!(std::fs::read_to_string(path)?, lines(100_000));
    Ok(())
}

#[test]
fn a_slow_reader_of_a_socket_slows_the_producer() -> Checked {
    Runtime::new()?.block_on(async {
        let (near, mut far) = connection().await?;
        // What the system has buffers for is full.
        let mut filled = 0;
        near.writable().await?;
        while let Ok(count) = near.try_write(&[1; 4096]) {
            filled += count;
        }
        let builder = Writable::builder().high_water_mark(1024);
        let mut out = builder.spawn_tokio(near)?;
        let mut written = 0;
        while out.write([7; 512])? == Flow::More {
            written += 512;
        }
        written += 512;
        // From now on the other side reads.
        let reader = tokio::spawn(async move {
            let mut all = vec![0; filled];
            far.read_exact(&mut all).await?;
            assert!(all.iter().all(|byte| *byte == 1));
            all.clear();
            far.read_to_end(&mut all).await.map(|_| all.len())
        });
        out.drained().await?;
        while written < 4 * 1024 * 1024 {
            written += 512;
            if out.write([7; 512])? == Flow::Wait {
                out.drained().await?;
            }
        }
        let done = out.end().await?;
        assert_eq!(done.totals.delivered, written as u64);
        assert_eq!(done.totals.waits, done.totals.drains);
        assert!(done.totals.peak < 1024 + 512);
        drop(done.sink);
        assert_eq!(reader.await??, written);
        Ok(())
    })
}

/// The end of the stream is the end of what the reader gets, before the sink is dropped.
#[test]
fn the_end_shuts_the_socket_down() -> Checked {
    Runtime::new()?.block_on(async {
        let (near, mut far) = connection().await?;
        let mut out = Writable::builder().spawn_tokio(near)?;
        out.write_all(b"hello, ").await?;
        AsyncWriteExt::flush(&mut out).await?;
        out.write_all(b"world").await?;
        out.shutdown().await?;
        out.shutdown().await?;
        let mut text = String::new();
        far.read_to_string(&mut text).await?;
        assert_eq!(text, "hello, world");
        // It is still handed back.
        let near = out.end().await?.sink;
        assert_eq!(near.peer_addr()?, far.local_addr()?);
        Ok(())
    })
}

#[test]
fn a_peer_that_goes_away_is_an_error_and_what_was_not_sent_comes_back() -> Checked {
    Runtime::new()?.block_on(async {
        let (near, far) = connection().await?;
        let builder = Writable::builder().high_water_mark(64 * 1024);
        let mut out = builder.spawn_tokio(near)?;
        drop(far);
        let waits = loop {
            match out.write([7; 4096]) {
                Ok(Flow::More) => {}
                Ok(Flow::Wait) => match out.drained().await {
                    Ok(()) => {}
                    Err(error) => break error,
                },
                Err(error) => {
                    assert!(["EPIPE", "ECONNRESET"].contains(&error.code()));
                    break out.drained().await.expect_err("it has failed");
                }
            }
        };
        assert!(matches!(waits, WaitError::Failed(_)));
        let Err(EndError::Failed {
            cause, unfinished, ..
        }) = out.end().await
        else {
            return Err("it must fail".into());
        };
        assert!(["EPIPE", "ECONNRESET"].contains(&cause.code()));
        let unsent: usize = unfinished.unsent.iter().map(|chunk| chunk.len()).sum();
        let totals = unfinished.totals;
        assert_eq!(totals.delivered + unsent as u64, totals.accepted);
        Ok(())
    })
}

/// A file of tokio buffers by itself: what the crate's documentation says of that.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_buffers_reports_a_full_disk_at_flush_and_end_alone() -> Checked {
    let full = || async {
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).open("/dev/full").await
    };
    Runtime::new()?.block_on(async {
        let mut out = Writable::builder().spawn_tokio(full().await?)?;
        let _flow = out.write("a line")?;
        out.delivered(6).await?; // and it is lost
        let error = out.flush().await.expect_err("the disk is full");
        assert_eq!(error.code(), "ENOSPC");

        let mut out = Writable::builder().spawn_tokio(full().await?)?;
        let _flow = out.write("a line")?;
        let error = out.end().await.expect_err("the disk is full");
        assert_eq!(error.code(), "ENOSPC");

        let mut out = Writable::builder().spawn_tokio(full().await?)?;
        let _flow = out.write("a line")?;
        out.delivered(6).await?;
        let unfinished = out.destroy().await;
        assert!(unfinished.cause.is_none() && unfinished.unsent.is_empty());
        assert_eq!(unfinished.totals.delivered, 6);
        Ok(())
    })
}

#[test]
fn a_source_of_tokio_is_piped() -> Checked {
    Runtime::new()?.block_on(async {
        let (near, mut far) = connection().await?;
        let builder = Writable::builder().high_water_mark(100);
        let out = builder.spawn_tokio(near)?;
        let text = lines(10_000);
        let reader = tokio::spawn(async move {
            let mut all = String::new();
            far.read_to_string(&mut all).await.map(|_| all)
        });
        let done = out.pipe_tokio(text.as_bytes()).await?;
        assert_eq!(done.totals.delivered, text.len() as u64);
        drop(done.sink);
        assert_eq!(reader.await??, text);
        Ok(())
    })
}

#[test]
fn a_pipe_that_is_not_polled_is_a_destroy() -> Checked {
    Runtime::new()?.block_on(async {
        let (near, mut far) = tokio::io::duplex(64);
        let mut out = Writable::builder().spawn_tokio(near)?;
        let _flow = out.cork()?.write("a beginning")?;
        let writer = out.writer();
        drop(out.pipe_tokio(&b"the rest"[..]));
        assert!(matches!(writer.drained().await, Err(WaitError::Destroyed)));
        far.read_to_end(&mut Vec::new()).await?;
        Ok(())
    })
}

#[test]
fn a_runtime_that_shuts_down_makes_the_stream_fail() -> Checked {
    let runtime = Runtime::new()?;
    let (near, _far) = tokio::io::duplex(4);
    let mut out = Writable::builder().spawn_tokio_on(runtime.handle(), near);
    let _flow = out.write("more than there is room for")?;
    out.delivered(4).wait()?;
    drop(runtime);
    let text = "the worker of the stream was dropped, 23 bytes were not delivered";
    let Err(refused) = out.write("late") else {
        return Err("no worker would write it".into());
    };
    assert_eq!(
        (refused.code(), refused.to_string()),
        ("ABORT_ERR", text.into())
    );
    let Err(EndError::Failed {
        cause, unfinished, ..
    }) = out.end().wait()
    else {
        return Err("no worker has written all".into());
    };
    assert_eq!(cause.to_string(), text);
    assert!(unfinished.sink.is_some(), "the sink is handed back");
    let unsent: usize = unfinished.unsent.iter().map(|chunk| chunk.len()).sum();
    assert_eq!((unsent, unfinished.totals.delivered), (23, 4));
    Ok(())
}

#[test]
fn without_a_runtime_the_sink_comes_back() {
    let (near, _far) = tokio::io::duplex(1);
    let error = Writable::builder()
        .spawn_tokio(near)
        .expect_err("no runtime");
    assert!(error.to_string().contains("could not be started"));
    drop(error.sink);
}

/// Opens a sink, and panics when it is dropped.
struct PanicsInDrop(Option<Vec<u8>>);

impl Future for PanicsInDrop {
    type Output = io::Result<Vec<u8>>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(self.0.take().expect("it is polled once")))
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("an opener that panics when it is dropped");
    }
}

#[test]
fn an_opener_whose_drop_panics_has_opened_the_sink() -> Checked {
    Runtime::new()?.block_on(async {
        let opening = PanicsInDrop(Some(Vec::new()));
        let mut out = Writable::builder().spawn_tokio_with(opening)?;
        let _flow = out.write("hello")?;
        assert_eq!(out.end().await?.sink, b"hello");
        Ok(())
    })
}
