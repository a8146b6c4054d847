//! A progress bar.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar on standard error, if that is a terminal. However it ends, the
/// terminal is left clean for what is said.
#[derive(Debug)]
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// One of this length; the template is that of indicatif.
    #[must_use]
    pub fn new(length: u64, template: &str) -> Self {
        if !io::stderr().is_terminal() {
            return Self::none();
        }
        let bar = ProgressBar::new(length);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(Some(bar))
    }

    /// Nothing is shown.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Shows this position. The message is only made if it is shown.
    pub fn show(&self, position: u64, message: impl FnOnce() -> String) {
        if let Some(bar) = &self.0 {
            bar.set_position(position);
            bar.set_message(message());
        }
    }

    /// Shows nothing any more.
    pub fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}
