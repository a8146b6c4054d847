//! The same stage on tokio: the worker is a task, and polled while the runtime runs.

use highwater::{Builder, Writable};
use tokio::runtime::Runtime;
use tokio::task::yield_now;

use super::polled::{Executor, Opening, PolledGate};

pub(crate) struct Tokio(Runtime);

impl Tokio {
    fn new() -> Self {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        Self(builder.build().expect("a runtime can be made"))
    }
}

impl Executor for Tokio {
    type Sink = PolledGate;

    fn start(
        builder: Builder,
        sink: PolledGate,
        opening: Option<Opening>,
    ) -> (Writable<PolledGate>, Self) {
        let tokio = Self::new();
        let guard = tokio.0.enter();
        let owner = match opening {
            None => builder.spawn_tokio(sink).map_err(|error| error.source),
            Some(opening) => builder.spawn_tokio_with(opening),
        };
        drop(guard);
        (owner.expect("there is a runtime"), tokio)
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
