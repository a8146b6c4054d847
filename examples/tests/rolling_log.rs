//! The example `rolling_log`, run as a person runs it.

mod common;

use std::fs;
use std::path::Path;

use common::example;

/// Cargo makes it for the files of this test.
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

#[test]
fn every_event_is_in_a_file_until_there_are_too_many() {
    let folder = Path::new(FOLDER).join("rolling_log");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).expect("it can be made");
    let output = example("rolling_log").arg(folder.join("log")).output();
    let output = output.expect("it can be run");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let said = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u64> = said
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [bytes, rotations] = numbers[..] else {
        panic!("{said}");
    };
    // 20,000 events of about 60 bytes; a file has 256 KiB.
    assert!(
        bytes > 1_000_000 && rotations >= bytes / (256 * 1024),
        "{said}"
    );
    let newest = format!("log.{rotations:07}");
    let found = ["", ".gz", ".gz.half"].map(|end| folder.join(newest.clone() + end).exists());
    assert!(found.contains(&true), "no {newest}");
    assert!(fs::metadata(folder.join("log")).expect("it is there").len() > 0);
}

#[test]
fn a_path_that_cannot_be_opened_is_one_line_and_status_1() {
    let output = example("rolling_log").arg("/no/such/file").output();
    let output = output.expect("it can be run");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.starts_with("rolling_log: cannot open /no/such/file: "),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
}
