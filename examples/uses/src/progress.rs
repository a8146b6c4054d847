//! A progress bar.

use std::future::Future;
use std::io::{self, IsTerminal};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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

/// How often a bar is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Does this work, and shows meanwhile how far the count is.
pub async fn shown<T>(bar: &Bar, count: &AtomicU64, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => bar.show(count.load(Ordering::Relaxed), String::new),
        }
    }
}
