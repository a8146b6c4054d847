//! How often a durable file is synced, as strace counts it.

use std::fs;
use std::path::Path;
use std::process::Command;

use highwater::sink::{AsyncDurable, Durable};
use highwater::{BoxError, Flow, Writable};
use highwater_testkit::child;
use tokio::runtime::Runtime;

/// Five records, each durable before the next is written, and the end.
fn five(over_tokio: bool, path: &Path) -> Result<(), BoxError> {
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let builder = Writable::builder().group_commit(true);
        if over_tokio {
            let mut out = builder.spawn_tokio(AsyncDurable::open(path).await?)?;
            for _ in 0..5 {
                assert_eq!(out.write("a record\n")?, Flow::More);
                out.flush().await?;
            }
            out.end().await?;
        } else {
            let mut out = builder.spawn(Durable::open(path)?)?;
            for _ in 0..5 {
                assert_eq!(out.write("a record\n")?, Flow::More);
                out.flush().await?;
            }
            out.end().await?;
        }
        Ok(())
    })
}

#[test]
fn a_flush_is_one_sync() {
    if let Some(part) = child::part() {
        five(part.name == "tokio", &part.file).expect("it is written");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["thread", "tokio"] {
        let (file, calls) = (folder.path().join(name), folder.path().join("calls"));
        let program = std::env::current_exe().expect("its own path");
        let mut strace = Command::new("strace");
        let strace = strace.args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-o"]);
        let strace = strace.arg(&calls).arg(program);
        let output = child::plays(strace, name, &file).output();
        let output = output.expect("strace (Debian: apt-get install strace)");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(fs::read(&file).expect("it is there").len(), 5 * 9);
        let calls = fs::read_to_string(calls).expect("strace has written");
        // The name of the file is durable once its folder is synced. The end has nothing left.
        assert_eq!(calls.matches("fsync(").count(), 1, "{name}: {calls}");
        assert_eq!(calls.matches("fdatasync(").count(), 5, "{name}: {calls}");
    }
}
