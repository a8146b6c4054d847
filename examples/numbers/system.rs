//! What the program asks of the system: its file, its signals, its memory.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
#[cfg(unix)]
use std::thread;

use same_file::Handle;

/// It waits for a pipe that does not block, and stops at Ctrl-C.
#[cfg(unix)]
pub(crate) type Sink = highwater::sink::WaitReady<File>;
#[cfg(not(unix))]
pub(crate) type Sink = File;

pub(crate) fn open(path: &Path) -> io::Result<Sink> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if file.metadata()?.is_file() {
        if Handle::from_file(file.try_clone()?)? == Handle::stdout()? {
            let text = "it is also standard output, which gets the report";
            return Err(io::Error::other(text));
        }
        file.set_len(0)?;
    }
    #[cfg(unix)]
    let file = Sink::new(file);
    Ok(file)
}

/// Calls this at SIGINT (Ctrl-C), SIGTERM or SIGHUP, with the status that a shell expects. A
/// signal that the parent of this program ignores stays ignored.
#[cfg(unix)]
pub(crate) fn on_stop(act: impl FnOnce(u8) + Send + 'static) -> io::Result<()> {
    use nix::sys::signal::{SigSet, SigmaskHow};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let ignored = process_status("SigIgn:");
    let ignored = ignored.and_then(|mask| u64::from_str_radix(&mask, 16).ok());
    let ignored = ignored.unwrap_or(0);
    let heard = |signal: &i32| ignored >> (signal - 1) & 1 == 0;
    let signals = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(heard);
    // A signal that comes while the handlers are installed waits until they are.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let signals = signal_hook::iterator::Signals::new(signals);
    before.thread_set_mask()?;
    let mut signals = signals?;
    thread::Builder::new().spawn(move || {
        if let Some(signal) = signals.forever().next() {
            act(u8::try_from(128 + signal).unwrap_or(u8::MAX));
        }
    })?;
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn on_stop(act: impl Fn(u8) + Send + 'static) -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(move || act(130))
}

/// In the place of a closed one, the runtime opens the null device, for reading and writing.
#[cfg(unix)]
pub(crate) fn standard_output_is_closed() -> bool {
    use rustix::fs::{OFlags, fcntl_getfl, fstat, stat};
    let (Ok(file), Ok(null)) = (fstat(io::stdout()), stat("/dev/null")) else {
        return true;
    };
    let mode = fcntl_getfl(io::stdout()).map(|flags| flags & OFlags::RWMODE);
    file.st_rdev == null.st_rdev && mode == Ok(OFlags::RDWR)
}

#[cfg(not(unix))]
pub(crate) fn standard_output_is_closed() -> bool {
    false
}

/// What the system says of this process under this name; on Linux only.
fn process_status(name: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().to_owned())
}

/// The most memory that this process has had; known on Linux only.
pub(crate) fn memory() -> String {
    let peak = process_status("VmHWM:");
    match peak.as_deref().and_then(|peak| peak.strip_suffix(" kB")) {
        Some(kib) => format!("{kib}KiB"),
        None => "unknown".into(),
    }
}
