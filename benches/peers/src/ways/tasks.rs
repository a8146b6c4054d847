//! tokio, on its runtime of several threads, the default.

use std::path::Path;

use highwater::{Flow, Writable};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{BUFFER, MARK, QUEUE, line};
use crate::Failure;

pub(super) fn buf_writer(count: u64, path: &Path) -> Result<(), Failure> {
    Runtime::new()?.block_on(async {
        let mut out = BufWriter::with_capacity(BUFFER, File::create(path).await?);
        let mut buffer = [0; 21];
        for number in 1..=count {
            out.write_all(line(number, &mut buffer)).await?;
        }
        Ok(out.flush().await?)
    })
}

pub(super) fn highwater(count: u64, path: &Path) -> Result<(), Failure> {
    Runtime::new()?.block_on(async {
        let mut out = Writable::builder()
            .high_water_mark(MARK as u64)
            .spawn_tokio(File::create(path).await?)?;
        let mut buffer = [0; 21];
        for number in 1..=count {
            if out.write(line(number, &mut buffer))? == Flow::Wait {
                out.drained().await?;
            }
        }
        out.end().await?;
        Ok(())
    })
}

pub(super) fn channel(count: u64, path: &Path) -> Result<(), Failure> {
    Runtime::new()?.block_on(async {
        let mut out = BufWriter::with_capacity(BUFFER, File::create(path).await?);
        let (send, mut receive) = mpsc::channel::<Vec<u8>>(QUEUE);
        let writer = tokio::spawn(async move {
            while let Some(line) = receive.recv().await {
                out.write_all(&line).await?;
            }
            out.flush().await
        });
        let mut buffer = [0; 21];
        for number in 1..=count {
            send.send(line(number, &mut buffer).to_vec()).await?;
        }
        drop(send);
        Ok(writer.await??)
    })
}
