//! Compares what was done with what should be, up to some of the numbers.

use std::fmt::Debug;

/// The numbers of errors: the world has one error for each kind of error.
pub(super) const ERRORS: &[&str] = &["ErrorId("];
/// Those, and numbers of bytes or objects.
pub(super) const LENGTHS: &[&str] = &["ErrorId(", "total: ", "in_flight: ", "len: ", "Progress("];

/// Whether two things differ at most in the numbers that follow these words.
pub(super) fn alike<T: Debug + PartialEq>(one: &T, other: &T, words: &[&str]) -> bool {
    one == other || without(&format!("{one:?}"), words) == without(&format!("{other:?}"), words)
}

fn without(text: &str, words: &[&str]) -> String {
    words.iter().fold(text.to_owned(), |text, word| {
        let mut parts = text.split(word);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |so_far, part| {
            so_far + word + part.trim_start_matches(|digit: char| digit.is_ascii_digit())
        })
    })
}
