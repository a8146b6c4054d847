//! Scenarios that once broke something, or break Node: every invariant holds in
//! each, on the machine with its driver, over a thread and over the reader of a body.

use highwater::machine::Quirks;
use highwater_testkit::judge::judge;
use highwater_testkit::players::subjects::Subject;

const SUBJECTS: &[Subject] = &[
    Subject::Driver(Quirks::NONE),
    Subject::Thread,
    #[cfg(feature = "futures")]
    Subject::Body,
    #[cfg(feature = "futures")]
    Subject::BodyThreads,
];

#[test]
fn what_once_broke_holds() {
    for line in include_str!("regressions.jsonl").lines() {
        for subject in SUBJECTS {
            let (terms, history) = subject.play(line);
            assert_eq!(judge(&terms, &history), [], "{subject:?}: {line}");
        }
    }
}
