//! A log into tracing-appender's own file, which begins anew each day: the threads get
//! highwater's bound, order and end, the file its rotation.
//!
//! ```sh
//! seq 5 | cargo run -p highwater-uses --example appender_log -- /tmp
//! ```

use std::io;

use highwater::BoxError;
use highwater::log::Log;

fn main() -> Result<(), BoxError> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or("the folder of the log is missing")?;
    let file = tracing_appender::rolling::daily(folder, "service.log");
    let log = Log::builder().spawn(file)?;
    let subscriber = tracing_subscriber::fmt().with_writer(log.writer());
    subscriber.with_ansi(false).init();

    for line in io::stdin().lines() {
        tracing::info!(request = line?, "a request was answered");
    }
    log.end().wait()?;
    Ok(())
}
