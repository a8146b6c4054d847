//! The example `journal`, run as a person runs it, over files that a crash has torn.

mod common;

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::Output;

use common::example;

/// Cargo makes it for the files of this test.
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

fn journal(path: &Path) -> String {
    let output: Output = example("journal")
        .arg(path)
        .output()
        .expect("it can be run");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into()
}

/// 8 times 100 records, of 3 or 4 bytes, behind 8 bytes each.
const WHOLE: u64 = 8 * (10 * 11 + 90 * 12);

#[test]
fn a_journal_goes_on_behind_its_last_whole_record() {
    let path = Path::new(FOLDER).join("journal");
    let _ = fs::remove_file(&path);
    assert_eq!(
        journal(&path),
        format!("0 whole records\n{WHOLE} bytes are durable\n")
    );
    for torn in [1, 7, 11] {
        let len = fs::metadata(&path).expect("it is there").len();
        let file = OpenOptions::new().write(true).open(&path);
        let file = file.expect("it is there");
        file.set_len(len - torn).expect("it can be cut");
        let said = journal(&path);
        assert!(said.starts_with("799 whole records\n"), "{torn}: {said}");
        // The last one, of 11 or 12 bytes, is gone, and its place is taken.
        let again = fs::metadata(&path).expect("it is there").len();
        assert!((len - 12..=len - 11).contains(&(again - WHOLE)), "{again}");
        file.set_len(0).expect("it can be cut");
        journal(&path);
    }
}

/// A byte that has changed ends what is read, and nothing behind it is taken for a record.
#[test]
fn a_record_with_a_wrong_byte_is_cut_off() {
    let path = Path::new(FOLDER).join("journal.wrong");
    let _ = fs::remove_file(&path);
    journal(&path);
    let mut bytes = fs::read(&path).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("it can be written");
    let said = journal(&path);
    let whole = said.split_whitespace().next().map(str::parse::<u64>);
    assert!(
        whole.is_some_and(|whole| whole.is_ok_and(|whole| (380..420).contains(&whole))),
        "{said}"
    );
}

#[test]
fn a_path_that_cannot_be_opened_is_one_line_and_status_1() {
    let output = example("journal").arg("/no/such/file").output();
    let output = output.expect("it can be run");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with("Error: \"/no/such/file: "), "{text}");
    assert_eq!(text.lines().count(), 1);
}
