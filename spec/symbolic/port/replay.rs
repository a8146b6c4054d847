//! Replays a counterexample with the machine of this very source, compiled for this host.
//!
//! It reads the numbers of `words::Given` from standard input. Without an argument it
//! prints the step as `spec/induction/steps.py` reads it. With the name of a law it prints
//! what the law says: 0 for broken, 1 for holds, 2 for silent.
#![allow(dead_code, missing_docs, improper_ctypes_definitions)]

mod machine;

use machine::laws::{LAWS, Law};
use machine::words::{Given, Word};

fn main() {
    let text = std::io::read_to_string(std::io::stdin()).unwrap_or_default();
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    let given = Given::read(&mut numbers);
    let Some(name) = std::env::args().nth(1) else {
        return replay(&given);
    };
    match LAWS.iter().find(|(known, _)| *known == name) {
        Some((_, law)) => println!("{}", match law(&given) {
            Law::Broken => 0,
            Law::Holds => 1,
            Law::Silent => 2,
        }),
        None => eprintln!("there is no law {name}"),
    }
}

fn replay(given: &Given) {
    let (before, options) = (given.state(), given.options());
    let (head, input) = (given.head(), given.input());
    let mut after = before;
    let step = machine::step(&mut after, &options, head, input);
    println!("{options:?}\t{before:?}\t{head:?}\t{input:?}\t{after:?}\t{step:?}");
}
