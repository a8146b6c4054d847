//! A log as a service has it: a file that `logrotate` may move away, nothing lost without being
//! counted, everything written at exit and after a panic, errors of the log on stderr.
//!
//! Each line of its input is a number, and a request:
//!
//! ```sh
//! seq 5 | cargo run -p highwater-uses --example deployed_log -- /tmp/service.log
//! ```

use std::io;

use highwater::log::{Log, WhenFull};
use highwater::{BoxError, Writable, sink::Reopen};

fn main() -> Result<(), BoxError> {
    let path = std::env::args_os()
        .nth(1)
        .ok_or("the path of the log is missing")?;
    let log = Log::builder()
        .stream(Writable::builder().high_water_mark(1 << 20))
        .when_full(WhenFull::Drop)
        .report_dropped(|lines| format!("{lines} lines were dropped here\n"))
        .spawn(Reopen::open(path)?)?;
    let subscriber = tracing_subscriber::fmt().with_writer(log.writer());
    subscriber.with_ansi(false).init();

    for line in io::stdin().lines() {
        let Ok(number) = line?.parse::<u64>() else {
            panic!("a request is a number"); // it drops the log, which writes what is left
        };
        tracing::info!(number, "a request was answered");
    }
    log.end().wait()?; // all is written, or this is why not
    Ok(())
}
