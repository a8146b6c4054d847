//! Where it goes, and how.

use std::sync::Arc;
use std::time::Duration;

use highwater::{BoxError, EndError, Flow, Snapshot, Unfinished, Writable};
use highwater_uses::lines::{LINE, line};
use highwater_uses::progress::Bar;
use highwater_uses::report::{Form, Output, Report};
use highwater_uses::{Failure, causes, stopped};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStoreExt, RetryConfig};
use tokio::sync::watch;

use crate::parts::Parts;

/// An object of a store.
pub(crate) struct Target {
    pub(crate) store: Arc<AmazonS3>,
    pub(crate) key: Path,
}

/// How an upload has ended, if not with an error.
pub(crate) enum Outcome {
    Committed(Snapshot),
    TakenBack(Back),
}

/// An upload that was destroyed and aborted.
pub(crate) struct Back {
    pub(crate) totals: Snapshot,
    /// Bytes that were accepted and have come back.
    pub(crate) unsent: u64,
    /// Why something of it may still be in the store.
    pub(crate) left: Option<String>,
}

impl Back {
    pub(crate) fn line(&self, form: Form) -> String {
        let report = Report::new()
            .bytes("written", "written", self.totals.delivered)
            .bytes("unsent", "not sent", self.unsent);
        let bytes = report.sentence(form);
        match &self.left {
            None => format!("{bytes}, aborted"),
            Some(why) => format!("{bytes}, perhaps not aborted: {why}"),
        }
    }
}

impl Target {
    /// With the credentials of the environment.
    pub(crate) fn from_environment(
        endpoint: &str,
        bucket: &str,
        key: &str,
    ) -> Result<Self, Failure> {
        // Without one, object_store would ask a service that only some clouds have.
        if std::env::var_os("AWS_ACCESS_KEY_ID").is_none() {
            let text = "no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set";
            return Err(Failure::new(text));
        }
        Self::build(AmazonS3Builder::from_env(), endpoint, bucket, key)
    }

    pub(crate) fn with(
        endpoint: &str,
        bucket: &str,
        key: &str,
        (name, password): (&str, &str),
    ) -> Result<Self, Failure> {
        let builder = AmazonS3Builder::new()
            .with_access_key_id(name)
            .with_secret_access_key(password);
        Self::build(builder, endpoint, bucket, key)
    }

    fn build(
        builder: AmazonS3Builder,
        endpoint: &str,
        bucket: &str,
        key: &str,
    ) -> Result<Self, Failure> {
        let client = ClientOptions::new()
            .with_allow_http(endpoint.starts_with("http://"))
            .with_connect_timeout(Duration::from_secs(10));
        let store = builder
            .with_client_options(client)
            .with_endpoint(endpoint)
            .with_bucket_name(bucket)
            // A store that stays away is an error soon; the default is minutes.
            .with_retry(RetryConfig {
                max_retries: 2,
                retry_timeout: Duration::from_secs(30),
                ..RetryConfig::default()
            })
            .build()
            .map_err(|error| Failure::of(endpoint, &error))?;
        let store = Arc::new(store);
        let key = Path::parse(key).map_err(|error| Failure::of("the key", &error))?;
        Ok(Self { store, key })
    }

    /// Uploads this many bytes of lines, or takes it all back: at Ctrl-C, or after so
    /// many bytes.
    pub(crate) async fn send(
        &self,
        mark: u64,
        size: u64,
        until: u64,
        mut stop: watch::Receiver<bool>,
        output: Output,
    ) -> Result<Outcome, Failure> {
        // Before the stream, so that there is no stream without an upload to abort.
        let begun = tokio::select! {
            begun = self.store.put_multipart(&self.key) => begun,
            () = stopped(&mut stop) => {
                return Err(Failure::interrupted("the store has not answered, and may keep an upload that was begun"));
            }
        };
        let upload = begun.map_err(|error| Failure::of("beginning the upload", &error))?;
        let mut out = Writable::builder()
            .high_water_mark(mark)
            .spawn_tokio(Parts::of(upload))
            .map_err(|error| Failure::of("starting a stream", &error.source))?;
        let template = "{bar:40} {binary_bytes} of {binary_total_bytes}, {eta} left";
        let bar = output.bar(size, template);
        let through = tokio::select! {
            // The end returns a failure again, with what has come back.
            through = write(&mut out, until, size, &bar) => through.is_err() || until == size,
            () = stopped(&mut stop) => false,
        };
        bar.clear();
        if !through {
            return Ok(Outcome::TakenBack(take_back(out.destroy().await).await));
        }
        match out.end().await {
            Ok(done) => Ok(Outcome::Committed(done.totals)),
            Err(EndError::Failed {
                cause, unfinished, ..
            }) => {
                let missing = size - unfinished.totals.delivered;
                let back = take_back(*unfinished).await;
                Err(Failure::new(format!(
                    "{}: {} ({missing} of {size} bytes not taken, {})",
                    self.key,
                    causes(&cause),
                    back.line(output.of_stderr())
                )))
            }
            Err(error) => Err(Failure::of("ending the upload", &error)),
        }
    }
}

/// Writes the lines up to this position. If they are all there are, it waits until they
/// have been taken.
async fn write(
    out: &mut Writable<Parts>,
    until: u64,
    size: u64,
    bar: &Bar,
) -> Result<(), BoxError> {
    for number in 0..until / LINE as u64 {
        if out.write(line(number))? == Flow::Wait {
            out.drained().await?;
            bar.show(out.snapshot().delivered, String::new);
        }
    }
    if until == size {
        // So that the end has little to wait for: it cannot be taken back.
        out.flush().await?;
    }
    Ok(())
}

/// Aborts the upload whose stream was destroyed, or failed.
async fn take_back(unfinished: Unfinished<Parts>) -> Back {
    let unsent = unfinished
        .unsent
        .iter()
        .map(|chunk| chunk.len() as u64)
        .sum();
    let left = match unfinished.sink {
        Some(parts) => parts.abort().await.err().map(|error| causes(&error)),
        None => Some("the sink has not come back".into()),
    };
    Back {
        totals: unfinished.totals,
        unsent,
        left,
    }
}
