//! The example `embedded`, run as a person runs it.

mod common;

use common::example;

#[test]
fn every_text_arrives_in_order() {
    let output = example("embedded").output().expect("it can be run");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "one\ntwo\nthree\n".repeat(333)
    );
}
