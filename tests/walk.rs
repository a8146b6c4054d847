//! The real driver takes every edge of the state graphs that specification and code have in
//! common: at each outward call it has the state and the call stack of the graph.

use std::path::Path;

use highwater_testkit::explore::bounds::Bounds;
use highwater_testkit::explore::walk;

/// The graph of this configuration. Those of `spec/golden` are compared with the specification
/// by `tests/graph.rs`, all of them by `spec/check.sh`.
fn takes_every_edge(name: &str) {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec");
    let bounds = Bounds::read(&spec, name, &[]).expect("a configuration");
    let edges = walk::every_edge(&bounds).unwrap_or_else(|wrong| panic!("{name}, {wrong}"));
    println!("{name}: {edges} edges");
    assert!(edges > 500, "{name}: {edges} edges");
}

macro_rules! graphs {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                takes_every_edge(&stringify!($name).replace('_', "-"));
            }
        )*
    };
}

graphs!(
    small,
    sync,
    corks,
    batches,
    destroys,
    survives,
    constructs,
    finals,
    nested,
    marks,
    objects,
    twice,
    whole,
    batch_fails,
    final_fails,
    answers_twice,
    progress,
);

// A word of the language, so it cannot be a name.
#[test]
fn asynchronous() {
    takes_every_edge("async");
}
