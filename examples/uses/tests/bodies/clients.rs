//! The clients. Each is a process, and leaves what it got in a file.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use futures::StreamExt;
use highwater_testkit::child;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::served::Checked;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Client {
    Curl,
    Reqwest,
}

pub(crate) const CLIENTS: [Client; 2] = [Client::Curl, Client::Reqwest];

/// A client that leaves does so when it has so many bytes.
pub(crate) const ENOUGH: usize = 16 * 1024;

/// What a client got.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) bytes: Vec<u8>,
    /// It took the response for whole.
    pub(crate) whole: bool,
}

impl Client {
    pub(crate) async fn get(self, url: &str, http2: bool) -> std::io::Result<Got> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("body");
        let mut command = match self {
            Self::Curl => curl(http2),
            Self::Reqwest => reqwest(if http2 { "get2" } else { "get" }, &file)?,
        };
        if self == Self::Curl {
            command.arg("-o").arg(&file).arg(url);
        }
        let status = command.env("HIGHWATER_URL", url).status().await?;
        Ok(Got {
            bytes: std::fs::read(&file).unwrap_or_default(),
            whole: status.success(),
        })
    }

    /// Gets some of it, and then is gone.
    pub(crate) async fn leave(self, url: &str, http2: bool) -> std::io::Result<()> {
        let mut command = match self {
            Self::Curl => curl(http2),
            Self::Reqwest => {
                let folder = tempfile::tempdir()?;
                let part = if http2 { "leave2" } else { "leave" };
                let mut command = reqwest(part, &folder.path().join("body"))?;
                command.env("HIGHWATER_URL", url).status().await?;
                return Ok(());
            }
        };
        let mut process = command.arg(url).stdout(Stdio::piped()).spawn()?;
        if let Some(out) = &mut process.stdout {
            out.read_exact(&mut [0; ENOUGH]).await?;
        }
        process.kill().await
    }
}

fn curl(http2: bool) -> Command {
    let mut command = Command::new("curl");
    let version = match http2 {
        true => "--http2-prior-knowledge",
        false => "--http1.1",
    };
    command.args(["--silent", version]);
    command
}

/// This program again, as the client of this part.
pub(crate) fn reqwest(part: &str, file: &Path) -> std::io::Result<Command> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    child::plays(&mut command, part, file).stdout(Stdio::null());
    Ok(command.into())
}

/// A client as it is played by a child: its exit is its answer.
pub(crate) fn play(part: &child::Part) -> ! {
    let runtime = super::served::runtime();
    let played = runtime.map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async {
            match part.name.as_str() {
                "post" | "post-cut" => super::requests::post(part).await,
                _ => get(part).await,
            }
        })
    });
    std::process::exit(i32::from(played.is_err()))
}

async fn get(part: &child::Part) -> Checked {
    let client = reqwest::Client::builder();
    let client = match part.name.ends_with('2') {
        true => client.http2_prior_knowledge(),
        false => client.http1_only(),
    };
    let response = client.build()?.get(std::env::var("HIGHWATER_URL")?).send();
    let mut body = response.await?.error_for_status()?.bytes_stream();
    let mut file = std::fs::File::create(&part.file)?;
    let mut left = ENOUGH;
    while let Some(bytes) = body.next().await {
        let bytes = bytes?;
        file.write_all(&bytes)?;
        left = left.saturating_sub(bytes.len());
        if left == 0 && part.name.starts_with("leave") {
            return Ok(());
        }
    }
    Ok(())
}
