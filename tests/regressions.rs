//! Scenarios that once broke something, or break Node: every invariant holds in
//! each, on the machine with its driver and on the adapter with its thread.

mod support;

use highwater::machine::Quirks;

use support::judge::judge;
use support::subjects::Subject;

#[test]
fn what_once_broke_holds() {
    for line in include_str!("regressions.jsonl").lines() {
        for subject in [Subject::Driver(Quirks::NONE), Subject::Thread] {
            let (terms, history) = subject.play(line);
            assert_eq!(judge(&terms, &history), [], "{subject:?}: {line}");
        }
    }
}
