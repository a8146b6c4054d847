//! From a problem to a program: why, recipes, moving from something else, errors, shutdown.
//!
//! This module has no code, and only the documentation has it. Each program of it is compiled
//! and run by the tests.
//!
//! # Begin here
//!
//! - [`why`]: backpressure in five minutes.
//! - [`errors`]: which error comes where, and what it hands back.
//! - [`shutdown`]: cancelling, dropping, ending in time.
//!
//! # Recipes
//!
//! | what you want | page |
//! | --- | --- |
//! | to write a file, also a compressed one, while the program computes on | [`recipes::file`] |
//! | a log that loses no line and says when its disk is full | [`recipes::log`] |
//! | a bounded writer for an axum body: CSV, tar, zip | [`recipes::axum_body`] |
//! | to upload to S3 what is still being produced | [`recipes::upload`] |
//! | to push to many TCP clients, some of them slow | [`recipes::tcp_push`] |
//! | group commit: many threads, one sync | [`recipes::journal`] |
//! | a progress bar of what has arrived | [`recipes::progress`] |
//! | metrics: how full, how often, how long | [`recipes::metrics`] |
//!
//! # Moving from
//!
//! - [`moving_from::channel_and_thread`]: a channel, a thread and a `BufWriter`.
//! - [`moving_from::tracing_appender`]: lines that are lost without a word.
//! - [`moving_from::duplex`]: `tokio::io::duplex` and a `ReaderStream`.
//! - [`moving_from::node`]: Node's names, and where the behaviour differs.
//!
//! # Behind it
//!
//! - [`compare`]: what else there is, in facts, and our opinion apart from them.
//! - [`design`]: why a machine, what was tried and dropped, what is left out on purpose.

#[doc = include_str!("why.md")]
pub mod why {}

#[doc = include_str!("errors.md")]
pub mod errors {}

#[doc = include_str!("shutdown.md")]
pub mod shutdown {}

#[doc = include_str!("compare.md")]
pub mod compare {}

#[doc = include_str!("design.md")]
pub mod design {}

// A page whose programs need other crates is tested in examples/uses, which has them: see
// `pages` in its `lib.rs`. The script .ci/pages looks that no page is left out.

/// A page for each task. The programs on them are short; whole ones are in `examples/`.
pub mod recipes {
    #[doc = include_str!("recipes/file.md")]
    pub mod file {}

    #[doc = include_str!("recipes/log.md")]
    pub mod log {}

    #[cfg(not(doctest))]
    #[doc = include_str!("recipes/axum_body.md")]
    pub mod axum_body {}

    #[cfg(not(doctest))]
    #[doc = include_str!("recipes/upload.md")]
    pub mod upload {}

    #[doc = include_str!("recipes/tcp_push.md")]
    pub mod tcp_push {}

    #[doc = include_str!("recipes/journal.md")]
    pub mod journal {}

    #[cfg(not(doctest))]
    #[doc = include_str!("recipes/progress.md")]
    pub mod progress {}

    #[doc = include_str!("recipes/metrics.md")]
    pub mod metrics {}
}

/// What you have now, what it does that hurts, and the same program with this crate.
pub mod moving_from {
    #[doc = include_str!("moving_from/channel_and_thread.md")]
    pub mod channel_and_thread {}

    #[cfg(not(doctest))]
    #[doc = include_str!("moving_from/tracing_appender.md")]
    pub mod tracing_appender {}

    #[cfg(not(doctest))]
    #[doc = include_str!("moving_from/duplex.md")]
    pub mod duplex {}

    #[doc = include_str!("moving_from/node.md")]
    pub mod node {}
}
