//! The same stage on tokio: the worker is a task, and polled while the runtime runs.

use std::future::Future;
use std::io;

use highwater::{Builder, Writable};
use tokio::runtime::Runtime;
use tokio::task::yield_now;

use super::polled::{Executor, PolledGate};

pub(crate) struct Tokio(Runtime);

impl Tokio {
    fn new() -> Self {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        Self(builder.build().expect("a runtime can be made"))
    }
}

impl Executor for Tokio {
    fn over(builder: Builder, sink: PolledGate) -> (Writable<PolledGate>, Self) {
        let tokio = Self::new();
        let guard = tokio.0.enter();
        let owner = builder.spawn_tokio(sink).expect("there is a runtime");
        drop(guard);
        (owner, tokio)
    }

    fn open(
        builder: Builder,
        opening: impl Future<Output = io::Result<PolledGate>> + Send + 'static,
    ) -> (Writable<PolledGate>, Self) {
        let tokio = Self::new();
        let guard = tokio.0.enter();
        let owner = builder
            .spawn_tokio_with(opening)
            .expect("there is a runtime");
        drop(guard);
        (owner, tokio)
    }

    fn work(&mut self) {
        // Each lets every task that was woken have a turn.
        self.0.block_on(async {
            for _ in 0..3 {
                yield_now().await;
            }
        });
    }
}

crate::sink_of_tokio!(PolledGate);
