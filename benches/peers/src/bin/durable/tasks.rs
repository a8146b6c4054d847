//! Tasks of tokio that append, on as many threads as there are processors.

use std::path::Path;
use std::sync::Arc;

use highwater::Writable;
use highwater::sink::AsyncDurable;
use highwater_peers::Failure;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Builder;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::RECORD;

/// Each task appends by a closure of its own, one record after the other.
async fn each<A>(tasks: usize, count: u64, appender: impl Fn() -> A) -> Result<(), Failure>
where
    A: AsyncAppend,
{
    let tasks: Vec<_> = (0..tasks)
        .map(|_| appender())
        .map(|appender| {
            tokio::spawn(async move {
                for _ in 0..count {
                    appender.append().await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// What appends a record.
trait AsyncAppend: Send + Sync + 'static {
    fn append(&self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A runtime for one run.
fn run(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    Builder::new_multi_thread().build()?.block_on(work)
}

impl AsyncAppend for Arc<Mutex<File>> {
    async fn append(&self) -> Result<(), Failure> {
        let mut file = self.lock().await;
        file.write_all(&RECORD).await?;
        file.flush().await?;
        Ok(file.sync_data().await?)
    }
}

pub fn bare(folder: &Path, tasks: usize, count: u64) -> Result<(), Failure> {
    run(async {
        let file = File::create(folder.join("task_bare")).await?;
        let file = Arc::new(Mutex::new(file));
        each(tasks, count, || Arc::clone(&file)).await
    })
}

impl AsyncAppend for highwater::Writer {
    async fn append(&self) -> Result<(), Failure> {
        self.send(&RECORD[..]).await?;
        Ok(self.flush().await?)
    }
}

pub fn highwater(folder: &Path, tasks: usize, count: u64) -> Result<(), Failure> {
    run(async {
        let file = AsyncDurable::create(folder.join("task_highwater")).await?;
        let out = Writable::builder().group_commit(true).spawn_tokio(file)?;
        each(tasks, count, || out.writer()).await?;
        out.end().await?;
        Ok(())
    })
}

type Append = (&'static [u8], oneshot::Sender<()>);

impl AsyncAppend for mpsc::Sender<Append> {
    async fn append(&self) -> Result<(), Failure> {
        let (done, told) = oneshot::channel();
        self.send((&RECORD, done)).await?;
        Ok(told.await?)
    }
}

/// As many records as the channel may hold.
const MANY: usize = 1024;

pub fn batches(folder: &Path, tasks: usize, count: u64) -> Result<(), Failure> {
    run(async {
        let mut file = File::create(folder.join("task_batches")).await?;
        let (send, mut records) = mpsc::channel::<Append>(MANY);
        let writer = tokio::spawn(async move {
            let (mut found, mut bytes) = (Vec::new(), Vec::new());
            while records.recv_many(&mut found, MANY).await > 0 {
                for (record, _) in &found {
                    bytes.extend_from_slice(record);
                }
                file.write_all(&bytes).await?;
                file.flush().await?;
                file.sync_data().await?;
                bytes.clear();
                for (_, done) in found.drain(..) {
                    done.send(()).map_err(|()| "a task has left")?;
                }
            }
            Ok::<_, Failure>(())
        });
        each(tasks, count, || send.clone()).await?;
        drop(send);
        writer.await?
    })
}
