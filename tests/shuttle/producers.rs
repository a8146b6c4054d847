//! Producers, blocking and async, and the records that they write.

use std::ops::Range;

use highwater::{Flow, Writable, Writer};
use shuttle::future::block_on;
use shuttle::thread::{self, JoinHandle};

/// How a producer writes.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// It waits for room as a thread.
    Blocking,
    /// It waits for room as a task.
    Async,
    /// It writes, and waits for 'drain' if the stream says so.
    Drain,
}

pub(crate) const WAYS: [Way; 3] = [Way::Blocking, Way::Async, Way::Drain];

impl Way {
    /// Returns whether it was accepted.
    pub(crate) fn write_one(self, writer: &Writer, record: String) -> bool {
        match self {
            Self::Blocking => writer.send(record).wait().is_ok(),
            Self::Async => block_on(writer.send(record)).is_ok(),
            Self::Drain => {
                let written = writer.write(record);
                if let Ok(Flow::Wait) = written {
                    // The stream may fail meanwhile.
                    let _ = writer.drained().wait();
                }
                written.is_ok()
            }
        }
    }

    pub(crate) fn write_all(self, writer: &Writer, id: usize, count: usize) {
        for n in 0..count {
            assert!(self.write_one(writer, record(id, n)), "it is open");
        }
    }

    /// Returns how many bytes were accepted.
    pub(crate) fn write_until_refused(self, writer: &Writer, id: usize, count: usize) -> u64 {
        let records = (0..count).map(|n| record(id, n));
        let accepted = records.take_while(|record| self.write_one(writer, record.clone()));
        accepted.map(|record| record.len() as u64).sum()
    }
}

/// The owner writes, and waits for 'drain' if the stream says so.
pub(crate) fn write_all_of_owner<W>(out: &mut Writable<W>, id: usize, numbers: Range<usize>) {
    for n in numbers {
        let flow = out.write(record(id, n)).expect("it is open");
        if flow == Flow::Wait {
            out.drained().wait().expect("it is open");
        }
    }
}

/// A record of four bytes.
pub(crate) fn record(id: usize, n: usize) -> String {
    format!("{id}.{n}\n")
}

/// The numbers of the records of this producer, in the order in which they stand there.
pub(crate) fn records_of(bytes: &[u8], id: usize) -> Vec<usize> {
    let text = String::from_utf8(bytes.to_vec()).expect("it is text");
    let records = text.lines().filter_map(|line| line.split_once('.'));
    let own = records.filter(|(of, _)| *of == id.to_string());
    own.map(|(_, n)| n.parse().expect("it is a number"))
        .collect()
}

/// A thread for each producer.
pub(crate) fn each<T: Send + 'static>(
    writers: Vec<(usize, Writer)>,
    write: impl Fn(usize, Writer) -> T + Clone + Send + 'static,
) -> Vec<JoinHandle<T>> {
    let start = |(id, writer)| {
        let write = write.clone();
        thread::spawn(move || write(id, writer))
    };
    writers.into_iter().map(start).collect()
}

/// Waits for these threads.
pub(crate) fn joined<T>(threads: Vec<JoinHandle<T>>) -> Vec<T> {
    let join = |thread: JoinHandle<T>| thread.join().expect("it does not panic");
    threads.into_iter().map(join).collect()
}
