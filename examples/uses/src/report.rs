//! What a program reports: columns for people, `name=value` for programs.

use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;
use indicatif::{HumanBytes, HumanCount};

use crate::progress::Bar;
use crate::{Failure, say};

/// How a program reports.
#[derive(Args, Clone, Copy, Debug)]
pub struct Output {
    /// Print name=value, and no progress, also on a terminal.
    #[arg(long)]
    porcelain: bool,
}

/// For whom a report is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Aligned columns.
    People,
    /// `name=value`, all in one line.
    Programs,
}

impl Output {
    /// The form of what goes to standard output.
    #[must_use]
    pub fn of_stdout(self) -> Form {
        self.form(io::stdout().is_terminal())
    }

    /// The form of what goes to standard error.
    #[must_use]
    pub fn of_stderr(self) -> Form {
        self.form(io::stderr().is_terminal())
    }

    fn form(self, terminal: bool) -> Form {
        match terminal && !self.porcelain {
            true => Form::People,
            false => Form::Programs,
        }
    }

    /// A progress bar on standard error, for people alone.
    #[must_use]
    pub fn bar(self, length: u64, template: &str) -> Bar {
        match self.of_stderr() {
            Form::People => Bar::new(length, template),
            Form::Programs => Bar::none(),
        }
    }

    /// Says a report on standard output, under a heading if there is one.
    ///
    /// # Errors
    ///
    /// If standard output is closed, or full.
    pub fn say(self, heading: &str, report: &Report) -> Result<(), Failure> {
        say(&report.under(heading, self.of_stdout()))
    }

    /// The program was stopped: what was done, and what not.
    #[must_use]
    pub fn interrupted(self, report: &Report) -> Failure {
        Failure::interrupted(report.sentence(self.of_stderr()))
    }
}

/// Facts in the order in which they are reported.
#[derive(Clone, Debug, Default)]
pub struct Report(Vec<Fact>);

#[derive(Clone, Debug)]
struct Fact {
    /// As programs read it.
    name: &'static str,
    value: String,
    /// As people do.
    label: &'static str,
    shown: String,
}

impl Report {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fact: `name=value` for programs, label and what is shown for people.
    #[must_use]
    pub fn fact(
        mut self,
        (name, value): (&'static str, impl Display),
        (label, shown): (&'static str, impl Display),
    ) -> Self {
        self.0.push(Fact {
            name,
            value: value.to_string(),
            label,
            shown: shown.to_string(),
        });
        self
    }

    /// Adds a number of things.
    #[must_use]
    pub fn count(self, name: &'static str, label: &'static str, count: u64) -> Self {
        self.fact((name, count), (label, HumanCount(count)))
    }

    /// Adds a number of bytes.
    #[must_use]
    pub fn bytes(self, name: &'static str, label: &'static str, bytes: u64) -> Self {
        self.fact((name, bytes), (label, HumanBytes(bytes)))
    }

    /// Adds a number of KiB, if it is known.
    #[must_use]
    pub fn kib(self, name: &'static str, label: &'static str, kib: Option<u64>) -> Self {
        match kib {
            Some(kib) => {
                let bytes = HumanBytes(kib.saturating_mul(1024));
                self.fact((name, format!("{kib}KiB")), (label, bytes))
            }
            None => self.fact((name, "unknown"), (label, "unknown")),
        }
    }

    /// Adds a time.
    #[must_use]
    pub fn time(self, name: &'static str, label: &'static str, time: Duration) -> Self {
        let seconds = time.as_secs_f64();
        let value = format!("{seconds:.3}s");
        self.fact((name, value), (label, format!("{seconds:.3} s")))
    }

    /// Adds an error: in quotes for programs.
    #[must_use]
    pub fn error(self, label: &'static str, error: &str) -> Self {
        self.fact(("error", format!("{error:?}")), (label, error))
    }

    /// Adds those of another.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// All of it: lines for people, one line for programs.
    #[must_use]
    pub fn text(&self, form: Form) -> String {
        self.under("", form)
    }

    /// The same under a heading.
    #[must_use]
    pub fn under(&self, heading: &str, form: Form) -> String {
        let mut text = String::from(heading);
        if form == Form::Programs {
            text += if heading.is_empty() { "" } else { ": " };
            return text + &self.pairs();
        }
        text += if heading.is_empty() { "" } else { ":\n" };
        let width =
            |of: fn(&Fact) -> &str| self.0.iter().map(|fact| of(fact).chars().count()).max();
        let label = width(|fact| fact.label).unwrap_or(0);
        let shown = width(|fact| &fact.shown).unwrap_or(0);
        for fact in &self.0 {
            let _ = writeln!(text, "  {:label$}  {:>shown$}", fact.label, fact.shown);
        }
        text
    }

    /// All of it within a sentence, in one line.
    #[must_use]
    pub fn sentence(&self, form: Form) -> String {
        match form {
            Form::Programs => self.pairs(),
            Form::People => {
                let facts = self.0.iter();
                let facts = facts.map(|fact| format!("{} {}", fact.label, fact.shown));
                facts.collect::<Vec<_>>().join(", ")
            }
        }
    }

    fn pairs(&self) -> String {
        let facts = self.0.iter();
        let pairs = facts.map(|fact| format!("{}={}", fact.name, fact.value));
        pairs.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_columns_and_programs_get_pairs() {
        let report = Report::new()
            .bytes("written", "written", 3 * 1024 * 1024)
            .count("waits", "times it waited", 1234)
            .kib("memory", "most memory", None);
        let failed = Report::new().error("it got", "no room");
        assert_eq!(failed.text(Form::Programs), "error=\"no room\"");
        assert_eq!(failed.text(Form::People), "  it got  no room\n");
        assert_eq!(
            report.text(Form::Programs),
            "written=3145728 waits=1234 memory=unknown"
        );
        assert_eq!(
            report.under("a file", Form::People),
            "a file:\n  written          3.00 MiB\n  times it waited     1,234\n  most memory       unknown\n"
        );
        assert_eq!(
            report.sentence(Form::People),
            "written 3.00 MiB, times it waited 1,234, most memory unknown"
        );
    }
}
