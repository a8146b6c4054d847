//! Records into a real rsyslogd, which listens on a socket of its own.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use highwater::Writable;
use highwater::log::Log;

type Checked = Result<(), Box<dyn std::error::Error>>;

const EVENTS: usize = 1000;

struct Syslog(UnixDatagram);

impl Write for Syslog {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.0.send(record)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A drop ends it.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it with all its files in this folder.
fn start(folder: &Path) -> Result<Daemon, Box<dyn std::error::Error>> {
    let path = |name: &str| folder.join(name).display().to_string();
    let configuration = format!(
        "module(load=\"imuxsock\" SysSock.Use=\"off\")\n\
         input(type=\"imuxsock\" Socket=\"{}\" RateLimit.Interval=\"0\")\n\
         template(name=\"message\" type=\"string\" string=\"%msg%\\n\")\n\
         *.* action(type=\"omfile\" file=\"{}\" template=\"message\")\n",
        path("socket"),
        path("messages"),
    );
    fs::write(path("configuration"), configuration)?;
    let daemon = Command::new("rsyslogd")
        .args(["-n", "-f", &path("configuration"), "-i", &path("pid")])
        .stdout(Stdio::null())
        .spawn();
    match daemon {
        Ok(daemon) => Ok(Daemon(daemon)),
        Err(error) => Err(format!("rsyslogd (Debian: rsyslog): {error}").into()),
    }
}

/// Connects once it listens.
fn connect(folder: &Path, daemon: &mut Daemon) -> Result<UnixDatagram, Box<dyn std::error::Error>> {
    let socket = UnixDatagram::unbound()?;
    loop {
        match socket.connect(folder.join("socket")) {
            Ok(()) => return Ok(socket),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::ConnectionRefused
                ) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = daemon.0.try_wait()? {
            return Err(format!("rsyslogd has ended: {status}").into());
        }
        thread::yield_now();
    }
}

#[test]
fn a_thousand_events_are_a_thousand_messages() -> Checked {
    let folder = tempfile::tempdir()?;
    let mut daemon = start(folder.path())?;
    let socket = connect(folder.path(), &mut daemon)?;
    let log = Log::builder()
        .stream(Writable::builder().records(true))
        .spawn(Syslog(socket))?;
    for n in 0..EVENTS {
        write!(log.writer(), "<14>service: event {n}")?;
    }
    log.end().wait()?;
    let messages = folder.path().join("messages");
    let read = || fs::read_to_string(&messages).unwrap_or_default();
    while read().lines().count() < EVENTS && daemon.0.try_wait()?.is_none() {
        thread::yield_now();
    }
    for (n, message) in read().lines().enumerate() {
        assert_eq!(message.trim_start(), format!("event {n}"));
    }
    assert_eq!(read().lines().count(), EVENTS);
    Ok(())
}
