//! What becomes of a stream with a thread whose owner is dropped: before its end, while it
//! ends, and once it is destroyed.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use highwater::machine::Phase;
use highwater::{BoxError, Flow, OnDrop, Writable};
use highwater_testkit::gate::{Gate, GatedSink, WATCHDOG};

type Out = Writable<GatedSink>;

/// How the owner is dropped: as it is, or once its end has begun.
const DROPS: [fn(Out); 2] = [|out| drop(out), |out| drop(out.end())];

fn observed(on_drop: OnDrop, gate: &Gate) -> (Out, Receiver<String>) {
    let (tell, told) = channel();
    let out = Writable::builder()
        .on_drop(on_drop)
        .observer(move |event| drop(tell.send(format!("{event:?}"))))
        .spawn(gate.sink())
        .expect("a thread can be started");
    (out, told)
}

#[test]
fn dropping_the_stream_finishes_it() -> Result<(), BoxError> {
    for dropped in DROPS {
        let gate = Gate::default();
        let (mut out, told) = observed(OnDrop::Finish, &gate);
        assert_eq!(out.write("hello")?, Flow::More);
        let (writer, taken) = (out.writer(), gate.clone());
        let dropping = thread::spawn(move || {
            dropped(out);
            taken.taken()
        });
        // The drop waits for the sink, which does not answer before this.
        gate.wait_for_call();
        while writer.snapshot().phase != Phase::Ending {
            thread::yield_now();
        }
        gate.open();
        assert_eq!(dropping.join().expect("no panic"), b"hello");
        assert_eq!(told.iter().collect::<Vec<_>>(), ["Finish", "Close"]);
    }
    Ok(())
}

#[test]
fn dropping_the_stream_may_discard_or_give_up() -> Result<(), BoxError> {
    let given_up = "the stream had not ended in time: 9 bytes are dropped, 5 are in doubt";
    let policies = [
        (OnDrop::Discard, None),
        (OnDrop::FinishWithin(Duration::ZERO), Some(given_up)),
    ];
    for ((policy, error), dropped) in policies
        .iter()
        .flat_map(|policy| DROPS.map(|d| (policy, d)))
    {
        let gate = Gate::default();
        let (mut out, told) = observed(*policy, &gate);
        assert_eq!(out.write("taken")?, Flow::More);
        gate.wait_for_call();
        assert_eq!(out.write("discarded")?, Flow::More);
        dropped(out);
        gate.open();
        if let Some(error) = error {
            let event = told.recv_timeout(WATCHDOG)?;
            assert!(
                event.starts_with("Error(") && event.contains(error),
                "{event}"
            );
        }
        assert_eq!(told.recv_timeout(WATCHDOG)?, "Close");
        assert_eq!(gate.taken(), b"taken");
    }
    Ok(())
}

#[test]
fn a_discard_drops_the_rest_although_producers_live() -> Result<(), BoxError> {
    // A drop of a `Destroy` does not wait either, whatever the policy.
    let ways: [(OnDrop, fn(Out)); 3] = [
        (OnDrop::Discard, DROPS[0]),
        (OnDrop::Discard, DROPS[1]),
        (OnDrop::Finish, |out| drop(out.destroy())),
    ];
    for (policy, dropped) in ways {
        let gate = Gate::default();
        let bytes = bytes::Bytes::from(vec![0; 100]);
        let (mut out, _told) = observed(policy, &gate);
        let writer = out.writer();
        assert_eq!(out.write("in flight")?, Flow::More);
        gate.wait_for_call();
        assert_eq!(out.write_chunk(bytes.clone())?, Flow::More);
        assert!(!bytes.is_unique());
        dropped(out);
        assert!(bytes.is_unique());
        assert!(writer.write("x").is_err());
        gate.open();
    }
    Ok(())
}
