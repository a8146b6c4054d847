//! Readers on loopback that verify every byte, and the rounds that are timed.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use highwater_uses::lines::Check;
use highwater_uses::report::Output;
use highwater_uses::{Failure, Totals, joined, stopped};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::interrupted;
use crate::stream::{Pushed, push_one};

/// The system's buffers are kept small, so that a slow reader is felt by the stream
/// and not hidden by megabytes on loopback.
const SYSTEM_BUFFER: u32 = 16 * 1024;

/// How many connections there are, all at once.
pub(crate) struct Round {
    pub(crate) fast: u32,
    pub(crate) slow: u32,
    pub(crate) mark: u64,
}

/// How it went.
pub(crate) struct Outcome {
    pub(crate) totals: Totals,
    /// The peaks of all streams, added.
    pub(crate) peaks: u64,
    /// From the first write until the last fast reader had everything.
    pub(crate) fast_took: Duration,
    /// How many slow ones had not everything at that time.
    pub(crate) held: u32,
}

/// Two ends of a connection.
struct Opened {
    near: TcpStream,
    far: TcpStream,
    slow: bool,
}

type Pushes = JoinSet<Result<Pushed, Failure>>;

impl Round {
    pub(crate) async fn run(
        &self,
        feed: &Bytes,
        mut stop: watch::Receiver<bool>,
        output: Output,
    ) -> Result<Outcome, Failure> {
        let expected = feed.len() as u64;
        let all_expected = expected * u64::from(self.fast + self.slow);
        let opened = tokio::select! {
            opened = self.open() => opened
                .map_err(|error| Failure::of("connecting on loopback", &error))?,
            () = stopped(&mut stop) => {
                return Err(interrupted(output, &Totals::default(), 0, all_expected));
            }
        };
        let (tell, told) = watch::channel(false);
        let (mut fast_reads, mut slow_reads) = (JoinSet::new(), JoinSet::new());
        let (mut fast_pushes, mut slow_pushes) = (Pushes::new(), Pushes::new());
        let start = Instant::now();
        for Opened { near, far, slow } in opened {
            let push = push_one(feed.clone(), near, self.mark, stop.clone());
            if slow {
                slow_reads.spawn(read_when_told(far, expected, told.clone()));
                slow_pushes.spawn(push);
            } else {
                fast_reads.spawn(read(far, expected));
                fast_pushes.spawn(push);
            }
        }

        let all_read = tokio::select! {
            read = all(&mut fast_reads) => read,
            // The pushes see it too, and end.
            () = stopped(&mut stop) => Ok(()),
        };
        let fast_took = start.elapsed();
        let mut sum = Sum::default();
        while let Some(pushed) = slow_pushes.try_join_next() {
            sum.add(joined(pushed)??);
        }
        let held = slow_pushes.len() as u32;
        // Now the slow ones may.
        tell.send_replace(true);
        for pushes in [&mut fast_pushes, &mut slow_pushes] {
            while let Some(pushed) = pushes.join_next().await {
                sum.add(joined(pushed)??);
            }
        }
        if *stop.borrow() {
            return Err(interrupted(output, &sum.totals, sum.unsent, all_expected));
        }
        all_read?;
        all(&mut slow_reads).await?;
        match sum.failed {
            Some(text) => Err(Failure::new(text)),
            None => Ok(Outcome {
                totals: sum.totals,
                peaks: sum.peaks,
                fast_took,
                held,
            }),
        }
    }

    /// Opens all connections, the slow ones spread evenly among the fast.
    async fn open(&self) -> io::Result<Vec<Opened>> {
        let listener = listen()?;
        let address = listener.local_addr()?;
        let count = self.fast + self.slow;
        let mut opened = Vec::new();
        for n in 0..count {
            let before = u64::from(n) * u64::from(self.slow) / u64::from(count);
            let after = u64::from(n + 1) * u64::from(self.slow) / u64::from(count);
            let (near, (far, _)) = tokio::try_join!(connect(address), listener.accept())?;
            opened.push(Opened {
                near,
                far,
                slow: after > before,
            });
        }
        Ok(opened)
    }
}

/// All pushes together.
#[derive(Default)]
struct Sum {
    totals: Totals,
    peaks: u64,
    unsent: u64,
    failed: Option<String>,
}

impl Sum {
    fn add(&mut self, pushed: Pushed) {
        self.totals.add(&pushed.totals);
        self.peaks += pushed.totals.peak;
        self.unsent += pushed.unsent;
        self.failed = self.failed.take().or(pushed.failed);
    }
}

async fn all(reads: &mut JoinSet<Result<(), Failure>>) -> Result<(), Failure> {
    while let Some(read) = reads.join_next().await {
        joined(read)??;
    }
    Ok(())
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Each accepted connection has it too.
    socket.set_recv_buffer_size(SYSTEM_BUFFER)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    socket.listen(128)
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_send_buffer_size(SYSTEM_BUFFER)?;
    socket.connect(address).await
}

async fn read_when_told(
    far: TcpStream,
    expected: u64,
    mut told: watch::Receiver<bool>,
) -> Result<(), Failure> {
    match told.wait_for(|told| *told).await {
        Ok(_) => {}
        Err(_) => return Err(Failure::new("a slow reader was never told to read")),
    }
    read(far, expected).await
}

/// Reads to the end, and verifies that it is the feed, whole.
async fn read(far: TcpStream, expected: u64) -> Result<(), Failure> {
    let mut check = Check::default();
    loop {
        let ready = far.readable().await;
        match ready.and_then(|()| read_some(&far, &mut check)) {
            Ok(Some(Ok(0))) => break,
            Ok(Some(Ok(_)) | None) => {}
            Ok(Some(Err(at))) => return Err(Failure::new(format!("a wrong byte after {at}"))),
            Err(error) => return Err(Failure::of("a reader", &error)),
        }
    }
    match check.position() {
        position if position == expected => Ok(()),
        position => Err(Failure::new(format!(
            "a reader got {position} of {expected} bytes"
        ))),
    }
}

/// What there is, if there is something, and whether it is right. The buffer lives
/// only here: thousands of readers that wait need none.
fn read_some(far: &TcpStream, check: &mut Check) -> io::Result<Option<Result<usize, u64>>> {
    let mut buffer = [0; 16 * 1024];
    match far.try_read(&mut buffer) {
        Ok(count) => Ok(Some(check.take(&buffer[..count]).map(|()| count))),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
