//! Node's own stream.

use std::path::Path;
use std::process::Command;

use crate::Failure;

const SCRIPT: &str = "
const out = require('fs').createWriteStream(process.argv[1], { highWaterMark: 65536 });
const count = Number(process.argv[2]);
let n = 0;
const start = process.hrtime.bigint();
(function go() {
  while (n < count) if (!out.write(`${++n}\\n`)) return out.once('drain', go);
  out.end(() => console.log(Number(process.hrtime.bigint() - start)));
})();";

/// Nanoseconds, without its start; `None` if there is no Node.
pub(super) fn run(count: u64, path: &Path) -> Result<Option<f64>, Failure> {
    let run = Command::new("node")
        .args(["-e", SCRIPT])
        .arg(path)
        .arg(count.to_string())
        .output();
    let Ok(output) = run else { return Ok(None) };
    let text = String::from_utf8(output.stdout)?;
    let nanos = text.trim().parse();
    Ok(Some(nanos.map_err(|_| "Node did not write the lines")?))
}
