//! Durable files: real ones. How often they are synced, as strace counts it:
//! `examples/uses/tests/syncs.rs`.
#![cfg(all(feature = "tokio", target_os = "linux"))]

use std::fs::{self, File};
use std::io::{self, Write};

use highwater::sink::{AsyncDurable, Durable};
use highwater::{BoxError, WaitError, Writable};
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Runtime;

/// A pipe cannot be synced.
#[test]
fn a_sync_that_failed_is_not_tried_again() {
    let (_reader, writer) = std::io::pipe().expect("a pipe");
    let mut file = Durable::new(File::from(std::os::fd::OwnedFd::from(writer)));
    file.write_all(b"a record").expect("there is a reader");
    let error = file.flush().expect_err("it is no file");
    assert_eq!(error.raw_os_error(), Some(22));
    for error in [file.flush().err(), file.write(b"more").err()] {
        let error = error.expect("it has failed").to_string();
        assert!(error.starts_with("an earlier sync failed"), "{error}");
    }
}

#[tokio::test]
async fn a_sync_of_a_file_of_tokio_that_failed_is_not_tried_again() -> Result<(), BoxError> {
    let (_reader, writer) = std::io::pipe()?;
    let file = File::from(std::os::fd::OwnedFd::from(writer));
    let mut file = AsyncDurable::new(tokio::fs::File::from_std(file)).await?;
    file.write_all(b"a record").await?;
    let error = file.flush().await.expect_err("it is no file");
    assert_eq!(error.raw_os_error(), Some(22));
    for error in [file.flush().await.err(), file.write(b"more").await.err()] {
        let error = error.expect("it has failed").to_string();
        assert!(error.starts_with("an earlier sync failed"), "{error}");
    }
    Ok(())
}

#[test]
fn a_sync_that_fails_is_an_error_to_every_waiter() -> Result<(), BoxError> {
    let pipe = || -> Result<File, BoxError> {
        let (reader, writer) = std::io::pipe()?;
        std::mem::forget(reader);
        Ok(File::from(std::os::fd::OwnedFd::from(writer)))
    };
    let (over_thread, over_tokio) = (pipe()?, pipe()?);
    Runtime::new()?.block_on(async {
        let out = Writable::builder().spawn(Durable::new(over_thread))?;
        let other = out.writer();
        for wait in [out.flush(), other.flush(), out.closed()] {
            assert_eq!(wait.await.map_err(|error| error.code()), Err("EINVAL"));
        }
        let file = AsyncDurable::new(tokio::fs::File::from_std(over_tokio)).await?;
        let out = Writable::builder().spawn_tokio(file)?;
        let error = out.flush().await.expect_err("it is no file");
        assert!(matches!(error, WaitError::Failed(cause) if cause.code() == "EINVAL"));
        Ok(())
    })
}

#[test]
fn a_durable_file_is_created_or_opened() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("file");
    for text in ["one", "two"] {
        Durable::open(&path)?.write_all(text.as_bytes())?;
    }
    assert_eq!(fs::read(&path)?, b"onetwo");
    drop(Durable::create(&path)?);
    assert_eq!(fs::read(&path)?, b"");
    let missing = folder.path().join("no/such/file");
    for (action, failed) in [
        ("open", Durable::open(&missing)),
        ("create", Durable::create(&missing)),
    ] {
        let error = failed.expect_err("there is no such folder");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let start = format!("cannot {action} {}: ", missing.display());
        assert!(error.to_string().starts_with(&start), "{error}");
    }
    Ok(())
}

/// A file of tokio that can only be read: it takes bytes, and says with the next call that it
/// could not write them.
async fn for_reading() -> Result<tokio::fs::File, BoxError> {
    let file = tempfile::NamedTempFile::new()?;
    Ok(tokio::fs::File::open(file.path()).await?)
}

#[tokio::test]
async fn a_file_of_tokio_that_has_lost_its_data_cannot_be_made_durable() -> Result<(), BoxError> {
    let mut file = for_reading().await?;
    file.write_all(b"lost").await?;
    let error = AsyncDurable::new(file).await.expect_err("data is lost");
    assert_eq!(error.raw_os_error(), Some(9));
    Ok(())
}

#[tokio::test]
async fn a_flush_is_an_error_if_the_file_of_tokio_has_lost_its_data() -> Result<(), BoxError> {
    let file = AsyncDurable::new(for_reading().await?).await?;
    let mut out = Writable::builder().group_commit(true).spawn_tokio(file)?;
    let _flow = out.write("lost\n")?;
    out.delivered(5).await?;
    // One job: the write of this data says what became of the data before the flush.
    let mut other = out.writer();
    let corked = other.cork()?;
    let flush = out.flush();
    let _flow = out.write("more\n")?;
    drop(corked);
    let flushed = flush.await.map_err(|error| error.code());
    assert_eq!(flushed, Err("EBADF"));
    assert_eq!(out.snapshot().flushed, 0);
    Ok(())
}
