//! A driver with all leases except that to cork beside the same driver without.

use std::cell::Cell;

use highwater::machine::{Input, Options, Quirks};
use highwater_testkit::random;
use proptest::prelude::*;
use proptest::sample::select;

use crate::stream::{Call, Excess, Stream};

fn call() -> impl Strategy<Value = Call> {
    let write = (0..5_u64, any::<bool>());
    prop_oneof![
        16 => write.prop_map(|(len, callback)| Call::Write { len, callback }),
        2 => Just(Call::Cork),
        3 => Just(Call::Uncork),
        1 => Just(Call::End),
        1 => Just(Call::Destroy),
        14 => prop::bool::weighted(0.95).prop_map(|ok| Call::Answer { ok }),
        1 => (0..4_u64).prop_map(Call::Progress),
        3 => prop::bool::weighted(0.15).prop_map(Call::AtOnce),
        4 => Just(Call::Ticks),
    ]
}

type Script = (Options, Vec<Call>, Vec<Vec<Call>>);

fn script() -> impl Strategy<Value = Script> {
    let limit = prop_oneof![Just(u64::MAX), 2..5_u64, 3..14_u64];
    let marks = (0..12_u64, 0..8_u64, limit);
    let each = Quirks::ALL.map(|(_, quirk)| quirk);
    let quirks = prop_oneof![
        2 => Just(Quirks::NONE),
        1 => Just(Quirks::NODE),
        1 => select(each.to_vec()),
    ];
    let options =
        (marks, any::<[bool; 5]>(), quirks).prop_map(|((high, low, limit), flags, quirks)| {
            let [batches, objects, destroy, refusals, finalize] = flags;
            Options::new()
                .with_high_water_mark(high)
                .with_low_water_mark(low)
                .with_limit(limit)
                .with_batches(batches)
                .with_object_mode(objects)
                .with_auto_destroy(destroy)
                .with_refusals_fail(refusals)
                .with_finalize(finalize)
                .with_quirks(quirks)
        });
    let calls = |most| prop::collection::vec(call(), 0..most);
    (options, calls(60), prop::collection::vec(calls(4), 0..8))
}

/// Both, side by side; how often something was done on each lease.
fn compare(script: &Script, excess: Excess) -> Result<[u32; 4], TestCaseError> {
    let (options, calls, inside) = script;
    let mut steps = Stream::new(*options, inside, None);
    let mut leases = Stream::new(*options, inside, Some(excess));
    for stream in [&mut steps, &mut leases] {
        stream.put(Input::Start);
        calls.iter().for_each(|call| stream.call(*call));
        stream.call(Call::Ticks);
    }
    prop_assert_eq!(&steps.seen, &leases.seen);
    Ok(leases.on_lease)
}

#[test]
fn a_driver_with_leases_does_what_one_without_does() {
    let count = Cell::new([0; 4]);
    random::check(30_000, &script(), |script| {
        let done = compare(&script, Excess::default())?;
        let before = count.get();
        count.set(std::array::from_fn(|at| before[at] + done[at]));
        Ok(())
    });
    let count = count.get();
    assert!(count.iter().all(|times| *times > 5_000), "{count:?}");
}

#[test]
fn a_driver_that_takes_one_more_is_noticed() {
    let none = Excess::default();
    for excess in [
        Excess { queued: 1, ..none },
        Excess { written: 1, ..none },
        Excess {
            callbacks: 1,
            ..none
        },
        Excess { flushed: 1, ..none },
    ] {
        let noticed = Cell::new(0);
        random::check(2_000, &script(), |script| {
            let differs = compare(&script, excess).is_err();
            noticed.set(noticed.get() + u32::from(differs));
            Ok(())
        });
        let Excess {
            queued,
            written,
            callbacks,
            flushed,
        } = excess;
        let which = [queued, written, callbacks.into(), flushed];
        assert!(noticed.get() > 20, "{which:?}: {}", noticed.get());
    }
}

/// A drain is owed that no after-write of the machine's count will tell: the next write
/// that is answered at once defers it, so no lease is on that write.
#[test]
fn a_write_that_will_bring_an_owed_drain_is_on_no_lease() {
    let write = |len, callback| Call::Write { len, callback };
    let options = Options::new().with_high_water_mark(4);
    // Both are answered at once; their callbacks are two functions, and so two ticks.
    let calls = [write(1, true), write(1, true), Call::Ticks];
    // The first callback: number 4 has to wait, and joins the second tick.
    let first = [Call::Cork, write(0, false), write(5, true), Call::Uncork];
    let inside = [&first[..], &[write(1, false), Call::Ticks]].concat();
    let script = (options, calls.to_vec(), vec![inside]);
    let compared = compare(&script, Excess::default());
    assert!(compared.is_ok(), "{compared:?}");
}
