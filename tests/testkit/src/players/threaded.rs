//! A stream whose worker is a thread, on a stage: nothing goes on behind the player's
//! back, as the sink and the opener wait for it.

use std::io;
use std::marker::PhantomData;
use std::mem;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use highwater::machine::Phase;
use highwater::{
    Chunk, CorkGuard, Destroy, End, EndError, Event, Flow, Snapshot, WaitError, Writable,
    WriteError, Writer,
};

use super::adapter::Stage;
use super::producers::{Ended, Producers, write};
use crate::gate::{Gate, GatedSink, WATCHDOG};
use crate::replay::scenario::{Mode, Plan};

pub(crate) struct Threaded<P> {
    producers: PhantomData<P>,
    gate: Gate,
    writer: Writer,
    owner: Option<Writable<GatedSink>>,
    ending: Option<End<GatedSink>>,
    destroying: Option<Destroy<GatedSink>>,
    events: Receiver<Event>,
    corks: Vec<CorkGuard<'static>>,
    /// Lets the opener go on, with or without a sink, if it waits.
    opener: Option<Sender<bool>>,
}

fn unsent(ended: Ended<GatedSink>) -> Option<Vec<Chunk>> {
    match ended {
        Ok(_) => None,
        Err(EndError::Failed { unfinished, .. }) => Some(unfinished.unsent),
        Err(other) => panic!("no chunk was to be refused: {other}"),
    }
}

fn failure() -> io::Error {
    io::Error::other("the test says so")
}

impl<P: Producers> Stage for Threaded<P> {
    fn new(plan: &Plan) -> Self {
        let gate = Gate::default();
        let (tell, events) = channel();
        let options = &plan.options;
        let builder = Writable::builder()
            .high_water_mark(options.high_water_mark())
            .low_water_mark(options.low_water_mark())
            .limit(options.limit())
            .observer(move |event| drop(tell.send(event)));
        let sink = gate.sink();
        let (owner, opener) = if plan.construct == Mode::Absent {
            (builder.spawn(sink).map_err(io::Error::from), None)
        } else {
            let (opener, go_on) = channel();
            let open = move || match go_on.recv() {
                Ok(true) => Ok(sink),
                _ => Err(failure()),
            };
            (builder.spawn_with(open), Some(opener))
        };
        let owner = owner.expect("a thread can be started");
        Self {
            producers: PhantomData,
            gate,
            writer: owner.writer(),
            owner: Some(owner),
            ending: None,
            destroying: None,
            events,
            corks: Vec::new(),
            opener,
        }
    }

    fn snapshot(&self) -> Snapshot {
        self.writer.snapshot()
    }

    fn position(&self) -> u64 {
        self.writer.position()
    }

    fn write(&mut self, bytes: Vec<u8>) -> Result<Flow, WriteError<Chunk>> {
        write(self.owner.as_mut(), &self.writer, bytes)
    }

    fn written(&mut self, position: u64) -> Option<Result<(), WaitError>> {
        P::ask(&mut self.writer.delivered(position))
    }

    fn cork(&mut self) -> bool {
        // The guard borrows its writer, and lives as long as the scenario wants.
        let writer: &'static mut Writer = Box::leak(Box::new(self.writer.clone()));
        let cork = writer.cork();
        let corked = cork.is_ok();
        self.corks.extend(cork);
        corked
    }

    fn uncork(&mut self) -> bool {
        self.corks.pop().is_some()
    }

    fn corks(&self) -> usize {
        self.corks.len()
    }

    fn end(&mut self) -> Option<Vec<Chunk>> {
        // An end is an uncork of all corks.
        mem::take(&mut self.corks).into_iter().for_each(mem::forget);
        let mut ending = self.take_end()?;
        match P::ask_end(&mut ending) {
            Some(ended) => unsent(ended),
            None => {
                self.ending = Some(ending);
                None
            }
        }
    }

    fn is_owned(&self) -> bool {
        self.owner.is_some() || self.ending.is_some()
    }

    fn begin_destroy(&mut self, error: bool) {
        self.destroying = Some(match (self.owner.take(), self.ending.take()) {
            (Some(stream), _) if error => stream.destroy_with("the test says so"),
            (Some(stream), _) => stream.destroy(),
            (None, ending) => {
                let ending = ending.expect("it is owned");
                match error {
                    true => ending.destroy_with("the test says so"),
                    false => ending.destroy(),
                }
            }
        });
        // The call itself stops the stream; the wait is for the call at the gate.
        let stopped = [Phase::Errored, Phase::Destroyed, Phase::Closed];
        assert!(stopped.contains(&self.writer.snapshot().phase));
    }

    const ANSWERS_AFTER_DESTROY: bool = true;

    fn destroyed(&mut self) -> Vec<Chunk> {
        self.gate.open();
        let mut destroying = self.destroying.take().expect("it was begun");
        let unfinished = P::destroy(&mut destroying);
        assert_eq!(unfinished.in_doubt, 0);
        unfinished.unsent
    }

    fn ended(&mut self) -> Option<Vec<Chunk>> {
        let mut ending = self.take_end()?;
        unsent(P::end(&mut ending))
    }

    fn opening(&self) -> bool {
        self.opener.is_some()
    }

    fn open(&mut self, ok: bool) {
        let opener = self.opener.take().expect("it waits");
        opener.send(ok).expect("the opener waits");
    }

    fn next_event(&mut self) -> Event {
        let event = self.events.recv_timeout(WATCHDOG);
        event.expect("an event is due")
    }

    fn wait_for_call(&mut self) -> Vec<u8> {
        self.gate.wait_for_call()
    }

    fn answer(&mut self, ok: bool) {
        let before = self.writer.snapshot();
        self.gate.answer(if ok { Ok(()) } else { Err(failure()) });
        // The worker has put the answer in once this shows it.
        wait_until(|| {
            let now = self.writer.snapshot();
            now.delivered != before.delivered || now.phase != before.phase
        });
    }

    fn taken(&self) -> u64 {
        self.gate.taken().len() as u64
    }
}

impl<P> Threaded<P> {
    /// The end that has begun, or begins now.
    fn take_end(&mut self) -> Option<End<GatedSink>> {
        let begins = self.owner.take().map(Writable::end);
        begins.or_else(|| self.ending.take())
    }
}

/// Waits, without sleeping, for something that another thread is about to do.
fn wait_until(mut f: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !f() {
        assert!(start.elapsed() < WATCHDOG, "it never happened");
        thread::yield_now();
    }
}
