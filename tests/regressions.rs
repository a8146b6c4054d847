//! Scenarios that once broke something, or break Node: every invariant holds in
//! each, on the machine with its driver and on the adapter with its thread.

use highwater::machine::Quirks;
use highwater_testkit::judge::judge;
use highwater_testkit::players::subjects::Subject;

#[test]
fn what_once_broke_holds() {
    for line in include_str!("regressions.jsonl").lines() {
        for subject in [Subject::Driver(Quirks::NONE), Subject::Thread] {
            let (terms, history) = subject.play(line);
            assert_eq!(judge(&terms, &history), [], "{subject:?}: {line}");
        }
    }
}
