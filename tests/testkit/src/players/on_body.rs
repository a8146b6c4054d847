//! The same stage with a body: its reader takes the next chunk once the gate has taken the one
//! before. If the gate fails, the reader leaves.

use futures::{AsyncWriteExt, StreamExt};
use highwater::{Body, Builder, Writable};

use super::polled::{Alone, Executor, Opening, PolledGate};

pub(crate) struct Reader(Alone);

async fn read(mut body: Body, mut gate: PolledGate) {
    while let Some(Ok(chunk)) = body.next().await {
        if gate.write_all(&chunk).await.is_err() {
            return;
        }
    }
}

impl Executor for Reader {
    type Sink = ();
    const OPENS: bool = false;
    const PARTS_BATCHES: bool = true;
    // A destroy waits for the reader to come back.
    const ANSWERS_AFTER_DESTROY: bool = true;

    fn start(builder: Builder, gate: PolledGate, opening: Option<Opening>) -> (Writable<()>, Self) {
        assert!(opening.is_none(), "a body has nothing to open");
        let (owner, body) = builder.body();
        (owner, Self(Alone::polls(read(body, gate))))
    }

    fn work(&mut self) {
        self.0.work();
    }
}
