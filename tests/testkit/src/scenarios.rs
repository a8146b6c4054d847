//! Random scenarios, as lines in the notation of the replayer, so that a
//! failing one can be read, shrunk, and kept.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::replay::scenario::POINTS;

/// What kinds of things happen in a scenario, so that rare ones pile up in some.
#[derive(Clone, Copy, Debug)]
struct Mix {
    errors: bool,
    destroys: bool,
    hooks: bool,
    reentrant: bool,
    twice: bool,
    sync: bool,
}

pub fn lines() -> impl Strategy<Value = String> {
    let mix =
        any::<[bool; 6]>().prop_map(|[errors, destroys, hooks, reentrant, twice, sync]| Mix {
            errors,
            destroys,
            hooks,
            reentrant,
            twice,
            sync,
        });
    mix.prop_flat_map(|mix| {
        let sink = match (mix.sync, mix.errors) {
            (false, false) => "mmmst",
            (false, true) => "mmmstST",
            (true, false) => "sssm",
            (true, true) => "sssmS",
        };
        let sink = vec(select(sink.chars().collect::<Vec<_>>()), 1..5);
        let turns = vec(vec(action(mix), 0..6), 1..5);
        (options(mix), sink, turns, hooked(mix))
    })
    .prop_map(|(options, sink, turns, on)| {
        let sink: String = sink.into_iter().collect();
        let on: Vec<_> = on
            .iter()
            .map(|(point, lists)| format!("\"{point}\":{lists:?}"))
            .collect();
        let on = on.join(",");
        format!("{{\"o\":{options},\"sink\":\"{sink}\",\"turns\":{turns:?},\"on\":{{{on}}}}}")
    })
}

fn options(mix: Mix) -> impl Strategy<Value = String> {
    let hook = |letters: &str| {
        let none = if mix.hooks { 2 } else { 100 };
        let letters: Vec<_> = letters.chars().map(|c| format!("\"{c}\"")).collect();
        prop_oneof![none => Just("0".to_owned()), 2 => select(letters)]
    };
    let marks = (select(vec![1, 3, 2, 0, 5, 16]), 0..3_u64);
    let limit = prop_oneof![4 => Just(String::new()), 1 => (3..9_u64).prop_map(|n| format!(",\"lim\":{n}"))];
    let flags = prop_oneof![3 => any::<bool>().prop_map(|v| [0, 1, 1, v.into(), 1]), 2 => any::<[bool; 5]>().prop_map(|b| b.map(u8::from))];
    let hooks = (hook("ssStTmx"), hook("ssStTmx"), hook("ssStTmxpP"));
    (marks, limit, flags, hooks).prop_map(|((mark, low), limit, flags, (f, c, d))| {
        let [obj, ad, ec, v, rf] = flags;
        format!(
            "{{\"hwm\":{mark},\"lw\":{low}{limit},\"obj\":{obj},\"ad\":{ad},\"ec\":{ec},\
             \"v\":{v},\"rf\":{rf},\"f\":{f},\"c\":{c},\"d\":{d}}}"
        )
    })
}

fn action(mix: Mix) -> impl Strategy<Value = String> {
    let len = prop_oneof![8 => Just(1), 3 => Just(0), 4 => Just(2), 3 => Just(3), 2 => Just(5)];
    let callback = select(vec!["n", "o", "n", "o", "a", "b"]);
    let write = (len.clone(), callback).prop_map(|(len, callback)| format!("w{len}{callback}"));
    let chunk = prop_oneof![3 => Just("-".to_owned()), 2 => len.prop_map(|len| len.to_string())];
    let end = (chunk, select(vec!["n", "o"])).prop_map(|(chunk, cb)| format!("e{chunk}{cb}"));
    let bit = move || prop_oneof![6 => Just(0), u32::from(mix.errors) => Just(1)];
    let with_bit = move |letter: &'static str| bit().prop_map(move |bit| format!("{letter}{bit}"));
    prop_oneof![
        20 => write,
        5 => end,
        6 => Just("c".to_owned()),
        6 => Just("u".to_owned()),
        (if mix.destroys { 3 } else { 0 }) => with_bit("d"),
        17 => prop_oneof![14 => with_bit("k"), 3 => (0..6).prop_map(|done| format!("p{done}"))],
        (if mix.twice { 3 } else { 0 }) => with_bit("K"),
        (if mix.hooks { 3 } else { 0 }) => with_bit("f"),
        (if mix.hooks { 3 } else { 0 }) => with_bit("o"),
        (if mix.hooks { 2 } else { 0 }) => with_bit("x"),
    ]
}

type Hooked = Vec<(&'static str, Vec<Vec<String>>)>;

fn hooked(mix: Mix) -> impl Strategy<Value = Hooked> {
    let most = if mix.reentrant { 5 } else { 1 };
    let lists = vec(vec(action(mix), 0..3), 1..3);
    // Inside the sink most of all.
    let point = prop_oneof![1 => Just("w"), 2 => select(POINTS.to_vec())];
    let points = vec((point, lists), 0..most);
    points.prop_map(|mut points| {
        points.sort_by_key(|(point, _)| *point);
        points.dedup_by_key(|(point, _)| *point);
        points
    })
}
