//! The picture of the phases, `spec/phases.svg`: it shows what the golden graphs
//! have, and no label in it lies on an arrow, a box or another label.

use std::fs;
use std::path::{Path, PathBuf};

use highwater_testkit::explore::diagram;
use highwater_testkit::explore::drawing::Drawing;
use highwater_testkit::explore::graph::Graph;

fn spec() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spec")
}

fn diagram(graphs: &[Graph]) -> String {
    diagram::draw(graphs).unwrap_or_else(|error| panic!("{error}"))
}

/// The golden graphs. `tests/graph.rs` compares them with the code.
fn all_golden() -> [Graph; 6] {
    ["batches", "corks", "nested", "objects", "twice", "whole"].map(golden)
}

fn golden(name: &str) -> Graph {
    let path = spec().join(format!("golden/{name}.graph"));
    let file = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let (_, graph) = Graph::read(&file).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    graph
}

/// `cargo run --release -p highwater-testkit --bin explore -- diagram spec/golden/*.graph` draws it.
#[test]
fn the_diagram_shows_the_golden_graphs() {
    let kept = fs::read_to_string(spec().join("phases.svg")).expect("it is in the tree");
    assert_eq!(
        diagram(&all_golden()),
        kept,
        "spec/phases.svg is no longer what the graphs say"
    );
}

/// An edge inside a phase changes nothing. The generator refuses an edge that it
/// has no arrow, no label or no room for, and an arrow that no edge leads along.
#[test]
fn the_diagram_refuses_what_it_cannot_show() {
    let with = |from, action, to| {
        let mut graphs = all_golden();
        graphs[0].add_edge(from, action, to);
        diagram::draw(&graphs)
    };
    let corked = "corked 1";
    assert_eq!(
        with(corked, "Progress", corked),
        diagram::draw(&all_golden())
    );
    let progress = with(corked, "Progress", "fresh").expect("there is room");
    assert!(progress.contains(">end, progress,</text>"), "{progress}");

    let refused = |from, action, to| with(from, action, to).expect_err("it cannot be shown");
    assert_eq!(
        refused("fresh", "Destroy", "teardown Closed"),
        "there is no arrow from writable to closed: {\"destroy\"}"
    );
    assert_eq!(
        refused("fresh", "Sleep", corked),
        "Sleep from writable to corked has no label"
    );
    assert_eq!(
        refused("fresh", "WrittenError", corked),
        "the arrow from writable to corked has room for 2 lines of 6 characters, \
         not for [\"cork,\", \"the\", \"sink\", \"fails\"]"
    );
    assert_eq!(
        diagram::draw(&[golden("whole")]).expect_err("it cannot be shown"),
        "nothing leads from start to writable"
    );
}

/// Every arrow, with as many labels as it has room for.
fn fullest() -> String {
    let labels = |arrow: &diagram::Arrow| {
        let (columns, lines) = arrow.room;
        let label = |line| format!("{line:m<0$}", columns - usize::from(line < lines));
        (arrow.ends, (1..=lines).map(label).collect())
    };
    let edges = diagram::ARROWS.iter().map(labels).collect();
    diagram::draw_edges(edges).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn labels_stand_free_beside_their_own_arrows() {
    // The second one shows that the same holds for whatever the generator accepts.
    for svg in [diagram(&all_golden()), fullest()] {
        let drawing = Drawing::read(&svg).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(drawing.complaints(), [""; 0]);
        assert_eq!(drawing.arrows.len(), 17);
        // One of each arrow, and the note.
        assert_eq!(drawing.labels.len(), 18);
        // The phases, the frame and the page.
        assert_eq!(drawing.boxes.len(), 10);
    }
}

/// Every label in turn is put on every arrow, label and box, and too far away.
#[test]
fn a_label_that_does_not_stand_free_is_noticed() {
    let drawing = Drawing::read(&diagram(&all_golden())).expect("the picture can be read");
    let notices = |number: usize, place, complaint: &str| {
        let mut spoilt = drawing.clone();
        let label = &mut spoilt.labels[number];
        label.place = label.place.moved(place);
        let complaint = format!("{} {complaint}", label.text);
        let complaints = spoilt.label_complaints();
        assert!(
            complaints.contains(&complaint),
            "no {complaint}: {complaints:?}"
        );
    };
    let labels = || drawing.labels.iter().enumerate();
    for (number, label) in labels() {
        for arrow in &drawing.arrows {
            let on = format!("lies on the arrow {}", arrow.name);
            notices(number, arrow.points[arrow.points.len() / 2], &on);
        }
        for (_, other) in labels().filter(|(other, _)| *other > number) {
            let meets = format!("meets {}", other.text);
            notices(number, other.place.middle(), &meets);
        }
        for (name, place) in drawing.boxes.iter().skip(2) {
            notices(number, place.middle(), &format!("lies on the box {name}"));
        }
        notices(number, (0.0, 400.0), "lies on the box page");
        notices(number, (279.0, 300.0), "lies on the box frame");
        if !label.of.is_empty() {
            let far = format!("is far from its arrow {}", label.of);
            notices(number, (-900.0, -900.0), &far);
            let other = drawing.arrows.iter().find(|arrow| arrow.name != label.of);
            let other = other.expect("there are others");
            let (x, y) = other.points[0];
            let (_, high) = label.place.size();
            let near = format!("is too near the arrow {}", other.name);
            notices(number, (x, y - 7.0 - high / 2.0), &near);
        }
    }
}

/// What stands once in the picture, what stands there instead, and how the complaint
/// begins.
const SPOILT: [(&str, &str, &str); 10] = [
    (
        "x=\"675\" y=\"184\">autoDestroy",
        "x=\"684\" y=\"184\">autoDestroy",
        "autoDestroy lies on the arrow finished-destroyed",
    ),
    (
        "x=\"675\" y=\"184\">autoDestroy",
        "x=\"675\" y=\"210\">autoDestroy",
        "autoDestroy meets destroy",
    ),
    (
        "y=\"121\">succeeds",
        "y=\"131\">succeeds",
        "succeeds is not just below _construct",
    ),
    (
        "<text class=\"label end\" x=\"675\" y=\"184\">autoDestroy</text>\n",
        "",
        "the arrow finished-destroyed has no label",
    ),
    (">autoDestroy</text>", "/>", "cannot read <text"),
    (
        ">destroyed</text>",
        ">destroyed or so</text>",
        "destroyed or so is not in its box",
    ),
    (
        "\"M338 130 L418 130\"",
        "\"M338 130 L410 130\"",
        "the arrow writable-ending does not touch ending",
    ),
    (
        "\"M338 130 L418 130\"",
        "\"M338 130 L660 130\"",
        "the arrow writable-ending goes through ending",
    ),
    (
        "\"M338 130 L418 130\"",
        "\"M338 130 C418 130\"",
        "cannot read <path",
    ),
    (
        "\"M304 218",
        "\"M264 218",
        "the arrows corked-writable and writable-corked meet",
    ),
];

/// A spoilt text of the picture is noticed: a label, a name or an arrow that stands
/// wrong, and what the reader does not know.
#[test]
fn a_spoilt_picture_is_noticed() {
    let svg = diagram(&all_golden());
    for (old, new, complaint) in SPOILT {
        assert_eq!(svg.matches(old).count(), 1, "{old}");
        let drawing = Drawing::read(&svg.replace(old, new));
        let found = drawing.map_or_else(|error| vec![error], |drawing| drawing.complaints());
        assert!(
            found.iter().any(|one| one.starts_with(complaint)),
            "no {complaint}: {found:?}"
        );
    }
}
