//! The code and the specification: the same state graph, and every invariant
//! of the contract in every state of the real machine, within bounds.
//!
//! The golden graphs in `spec/golden` were exported from `spec/Writable.tla`;
//! `spec/check.sh` makes them anew and compares.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use highwater::machine::{Input, Next, Options, Quirks, State, Then, step};
use highwater_testkit::explore::bounds::Bounds;
use highwater_testkit::explore::graph::Graph;
use highwater_testkit::explore::law::{Excess, Law};
use highwater_testkit::explore::watch::Watched;
use highwater_testkit::explore::world::{Action, Call, E_USER, Frame, Last, Tick, World};
use highwater_testkit::explore::{check, diagram, drive, fair, notation, steps, tla};
use highwater_testkit::judge::judge;
use highwater_testkit::players::subjects::Subject;
use highwater_testkit::random;
use serde_json::Value;

fn spec() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spec")
}

fn bounds(name: &str, changes: &[String]) -> Bounds {
    Bounds::read(&spec(), name, changes).unwrap_or_else(|error| panic!("{error}"))
}

fn names() -> Vec<String> {
    let table = fs::read_to_string(spec().join("configurations.txt")).expect("it is in the tree");
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let names = lines.filter_map(|line| Some(line.split_once(' ')?.0.to_owned()));
    names.collect()
}

fn golden(name: &str) -> Graph {
    let path = spec().join(format!("golden/{name}.graph"));
    let file = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let (of, graph) = Graph::read(&file).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let now = Bounds::fingerprint(&spec(), name).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        of, now,
        "the specification has changed since {path:?} was exported: spec/check.sh --golden 'graph:*' shows the first edge that differs, and exports them anew"
    );
    graph
}

#[test]
fn the_code_has_the_graph_of_the_specification() {
    let mut states = 0;
    for entry in fs::read_dir(spec().join("golden")).expect("it is in the tree") {
        let path = entry.expect("a file").path();
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let specified = golden(&name);
        let code = Graph::span(&bounds(&name, &[]));
        if let Some(difference) = specified.difference(&code) {
            panic!("{name}: the code and the specification differ\n{difference}");
        }
        states += code.states();
    }
    assert!(states > 9_000, "{states} states are too few to mean much");
}

/// The phases in the picture are those of the public face.
#[test]
fn the_phases_are_those_of_the_machine() {
    for name in names() {
        let reached = fair::Reached::explore(&bounds(&name, &[]));
        for world in &reached.worlds {
            let text = notation::text(world);
            assert_eq!(
                diagram::phase(&text),
                world.state.phase().to_string(),
                "{text}"
            );
        }
    }
}

/// A quirk that breaks no invariant is still seen: as an edge that differs,
/// said so that it can be read.
#[test]
fn a_difference_is_explained() {
    let quirk = "Quirks={\"OBJECT_MODE_TICK\"}".to_owned();
    let code = Graph::span(&bounds("objects", &[quirk]));
    let difference = golden("objects").difference(&code).expect("they differ");
    let expected = "\
after Write
in   length 1 inFlight 1 pending 1 sink Writing sync | todo write#0 Answer WriteReturns#0 | owes write
only in the specification: Written leads to
     sync | todo write#0 Answer WriteReturns#0
only in the code: Written leads to
     pending 1 sync afterWriteWaits | ticks AfterWrite | todo write#0 Answer WriteReturns#0
";
    assert_eq!(difference, expected);
}

#[test]
fn a_damaged_graph_is_refused() {
    let refused = |file: &str| Graph::read(file).expect_err("it is damaged");
    assert_eq!(refused(""), "there is nothing in it");
    assert_eq!(
        refused("fresh\n"),
        "it does not say of what it is the graph"
    );
    assert_eq!(refused("graph of 1\n"), "there is no state");
    assert_eq!(
        refused("graph of 1\nfresh\n\tCork 7\n"),
        "line 3: no such state"
    );
    let dot = "  s0 [label=\"s=[length |-> 0\"];\n";
    assert_eq!(
        tla::read(dot).expect_err("it is damaged"),
        "line 1: a field without a value"
    );
}

#[test]
fn every_invariant_holds_in_every_state() {
    let mut states = 0;
    for name in names() {
        let bounds = bounds(&name, &[]);
        let (safety, _) = check::safety(&bounds.numbered(4), None);
        // A world that may answer for ever need not let anything come.
        let liveness = if bounds.twice {
            check::Outcome::default()
        } else {
            check::liveness(&bounds)
        };
        if let Some((invariant, how)) = safety.broken.or(liveness.broken) {
            panic!("{invariant} is broken in {name}\n{how}");
        }
        states += safety.states + liveness.states;
    }
    assert!(states > 300_000, "{states} states are too few to mean much");
}

/// What no quirk breaks, broken around the machine: the watcher notices.
#[test]
fn the_watcher_notices_what_no_quirk_breaks() {
    let bounds = bounds("small", &[]).numbered(5);
    let watch = |actions: &[Action], spoil: fn(&mut World), last: &[Action]| {
        let mut watched = Watched::new(&bounds);
        let before: Vec<_> = actions
            .iter()
            .flat_map(|action| watched.act(&bounds, *action))
            .collect();
        assert_eq!(before, Vec::<&str>::new());
        spoil(&mut watched.world);
        let after = last.iter().flat_map(|action| watched.act(&bounds, *action));
        after.collect::<Vec<_>>()
    };

    // The continuation that owes the drain is lost.
    let forgets = |world: &mut World| world.stack.iter_mut().for_each(|frame| frame.then = None);
    let broken = watch(&[Action::Write(2)], forgets, &[Action::Return]);
    assert!(broken.contains(&"AnswerTruthful"), "{broken:?}");

    // The callback is called while its write is on the stack.
    let calls_back = |world: &mut World| {
        world.ticks.push(Tick::Callback(E_USER, 1));
        world.stack.clear();
    };
    let broken = watch(
        &[Action::WriteWithCallback(2)],
        calls_back,
        &[Action::RunTick],
    );
    assert!(broken.contains(&"CallbackLater"), "{broken:?}");

    // The stream forgets that it has told its error, and tells another.
    let tells = [
        Action::DestroyWithError,
        Action::Return,
        Action::DestroyAnsweredError,
        Action::RunTick,
    ];
    let forgets = |world: &mut World| {
        world.stack.clear();
        world.state = State::new(&Options::new());
    };
    let broken = watch(&tells, forgets, &tells);
    assert!(broken.contains(&"ErrorOnce"), "{broken:?}");
}

/// What progress could break, broken around the machine: the watcher notices.
#[test]
fn the_watcher_counts_the_progress_of_the_sink() {
    let bounds = bounds("progress", &[]).numbered(5);
    // The second write is queued, and goes to the sink when the first is answered.
    let called_again = [
        Action::WriteWithCallback(2),
        Action::Return,
        Action::WriteWithCallback(2),
        Action::Written,
    ];
    let watch = |actions: &[Action], spoil: fn(&mut World), last: Action| {
        let mut watched = Watched::new(&bounds);
        for action in actions {
            assert_eq!(watched.act(&bounds, *action), [""; 0], "{action:?}");
        }
        spoil(&mut watched.world);
        watched.act(&bounds, last)
    };

    // The sink reports to the machine alone: its length falls, and nothing accounts for it.
    let reports = |world: &mut World| {
        let _ = step(&mut world.state, &Options::new(), None, Input::Progress(1));
    };
    let broken = watch(&called_again, reports, Action::Return);
    assert_eq!(broken, ["LengthAccounts"]);

    // 'drain' comes while the call of the sink that made the room is on the stack.
    let tells = |world: &mut World| {
        let then = Some(Then::Next(Next::AfterWrite { callback: false }));
        let call = Call::Construct;
        let (more, held, last) = (Vec::new(), Vec::new(), Last::Nothing);
        world.stack.push(Frame {
            call,
            more,
            then,
            held,
            last,
        });
    };
    let progress = [&called_again[..], &[Action::Progress(2)]].concat();
    let broken = watch(&progress, tells, Action::Return);
    assert_eq!(broken, ["DrainLater"]);
}

/// The destroy hook cannot answer: the search finds where the world stays for ever.
#[test]
fn the_search_notices_that_destroy_never_closes() {
    let mut reached = fair::Reached::explore(&bounds("destroys", &[]));
    let answer = |action: &Action| {
        matches!(
            action,
            Action::DestroyAnswered | Action::DestroyAnsweredError
        )
    };
    let [.., closes] = &fair::ALL;
    assert_eq!(closes.name, "DestroyCloses");
    assert!(reached.violates(closes).is_none());
    for edges in &mut reached.edges {
        edges.retain(|(action, _)| !answer(action));
    }
    assert!(reached.violates(closes).is_some());
}

/// Each quirk breaks what the contract says, in the fewest actions as kept in
/// `spec/counterexamples.jsonl`; and as a scenario, played by the driver and
/// judged by another judge, it does the same. Without the quirk nothing breaks.
#[test]
fn quirks_break_what_they_should_and_the_scenarios_are_kept() {
    let file = include_str!("../spec/counterexamples.jsonl");
    let mut quirks = HashSet::new();
    let mut otherwise = Vec::new();
    for line in file.lines() {
        let kept: Value = serde_json::from_str(line).expect(line);
        let text = |name: &str| kept[name].as_str().expect(name).to_owned();
        let (name, breaks) = (text("quirk"), text("breaks"));
        let calls = kept["calls"]
            .as_u64()
            .and_then(|calls| calls.try_into().ok());
        let set = kept["set"].as_array().expect("a list").iter();
        let mut changes: Vec<_> = set
            .map(|one| one.as_str().expect("text").to_owned())
            .collect();
        changes.push(format!("Quirks={{\"{name}\"}}"));
        let quirky = bounds("small", &changes);
        let calls = calls.expect("a number");

        let found = check::counterexample(&quirky, calls, &breaks);
        let found = found.unwrap_or_else(|| panic!("{name} does not break {breaks}"));
        let scenario: Value = serde_json::from_str(&found).expect("a scenario");
        assert_eq!(scenario, kept["scenario"], "{name}, {breaks}");

        let quirk = Quirks::by_name(&name).expect("a quirk");
        let judged = |subject: Subject| {
            let (terms, history) = subject.play(&found);
            judge(&terms, &history)
        };
        let broken = [
            judged(Subject::Driver(quirk)),
            judged(Subject::Unanswered(quirk)),
        ];
        let broken: Vec<_> = broken.iter().flatten().collect();
        assert!(!broken.is_empty(), "{name}, {breaks}: {found}");
        let same = |(invariant, _): &&(_, _)| format!("{invariant:?}") == breaks;
        if !broken.iter().any(same) {
            otherwise.push(format!("{name} {breaks}"));
        }
        assert_eq!(judged(Subject::Driver(Quirks::NONE)), [], "{found}");
        quirks.insert(name);
    }
    assert_eq!(quirks.len(), Quirks::ALL.len() - 1, "all but one");
    // To the judge a lost chunk still waits, and a callback that comes after
    // 'close' did come.
    let known = [
        "WRITEV_LOSES LengthAccounts",
        "CALLBACK_AFTER_CLOSE CallbackOnce",
    ];
    assert_eq!(otherwise, known, "judged to break something else");
}

/// Has an observer watch every action in every state.
fn in_every_state(bounds: &Bounds, observer: &mut impl drive::Observer) {
    let start = World::watched(bounds, observer);
    let mut seen = HashSet::from([start.clone()]);
    let mut waiting = vec![start];
    while let Some(world) = waiting.pop() {
        for action in world.actions(bounds) {
            let mut next = world.clone();
            next.act(bounds, action, observer);
            if seen.insert(next.clone()) {
                waiting.push(next);
            }
        }
    }
}

/// Every lease, in every state of some graphs, also of streams with Node's quirks: see
/// [`law`]. `tests/lease/` has the same for whole runs.
#[test]
fn what_is_done_on_a_lease_and_settled_is_what_the_steps_do_in_every_state() {
    let mut law = Law::default();
    for (name, change) in LEASED {
        Graph::span_watched(&bounds(name, &[change.to_owned()]), &mut law);
        assert_eq!(law.broken(), [""; 0], "{name}");
    }
    for (quirk, _) in Quirks::ALL {
        for (name, change, calls) in QUIRKY {
            let changes = [change.to_owned(), format!("Quirks={{\"{quirk}\"}}")];
            // A quirk may let the length grow for ever, so the calls are counted.
            in_every_state(&bounds(name, &changes).numbered(calls), &mut law);
            assert_eq!(law.broken(), [""; 0], "{name} {changes:?}");
        }
    }
    let looked = [&law.queue, &law.cork, &law.write, &law.call, &law.flush];
    let looked = looked.map(|law| law.times);
    assert!(looked.iter().all(|times| *times > 1_000), "{looked:?}");
}

/// The same in random runs, with lengths and marks of any size.
#[test]
fn what_is_done_on_a_lease_and_settled_is_what_the_steps_do_in_random_runs() {
    let seed = random::seed();
    let mut law = Law::default();
    let few = |law: &Law| law.broken().is_empty() && law.write.times < 10_000;
    steps::wander(seed, &mut law, few);
    assert_eq!(law.broken(), [""; 0], "again with HIGHWATER_SEED={seed}");
    let looked = [&law.queue, &law.cork, &law.write, &law.call, &law.flush];
    let looked = looked.map(|law| law.times);
    assert!(looked.iter().all(|times| *times > 1_000), "{looked:?}");
}

/// Configurations, each with a mark or a limit that makes it interesting.
const LEASED: [(&str, &str); 10] = [
    ("small", "Mark=4"),
    ("small", "Mark=2"),
    ("corks", "Mark=4"),
    ("sync", "Mark=4"),
    ("sync", "Mark=2"),
    ("destroys", "Mark=4"),
    ("marks", "Limit=4"),
    ("objects", "Mark=3"),
    ("objects", "Limit=0"),
    ("survives", "Mark=4"),
];

/// The same, and a number of calls, for streams with a quirk.
const QUIRKY: [(&str, &str, u8); 5] = [
    ("sync", "Mark=4", 3),
    ("batches", "Mark=4", 4),
    ("objects", "Mark=4", 3),
    ("survives", "Mark=4", 3),
    ("constructs", "Lens={0}", 2),
];

/// Each lease is as large as can be: a driver that takes one more does something else.
#[test]
fn one_more_than_a_lease_gives_is_noticed() {
    let noticed = |excess| {
        let mut law = Law {
            excess,
            ..Law::default()
        };
        for (name, change) in LEASED {
            Graph::span_watched(&bounds(name, &[change.to_owned()]), &mut law);
        }
        law
    };
    let none = Excess::default();
    let law = noticed(Excess { queued: 1, ..none });
    assert!(law.queue.broken.is_some());
    let law = noticed(Excess {
        corks: true,
        ..none
    });
    assert!(law.cork.broken.is_some());
    let law = noticed(Excess { flushed: 1, ..none });
    assert!(law.flush.broken.is_some());
    let law = noticed(Excess { written: 1, ..none });
    assert!(law.write.broken.is_some());
    let law = noticed(Excess {
        callbacks: 1,
        ..none
    });
    assert!(law.write.broken.is_some() && law.call.broken.is_some());
}
