//! Files of a log whose calls the system refuses, or that are killed at one call, as strace
//! arranges it; and files of a user who may not write.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use highwater::BoxError;
use highwater::sink::{Reopen, RollingFile};
use highwater_testkit::child::{self, Part};

type Checked = Result<(), BoxError>;

/// A child that writes each line of its input, and then reports its counters.
fn play(part: &Part) -> Checked {
    if part.name != "rolling" {
        let never = part.name == "reopen, and never look";
        let interval = if never { Duration::MAX } else { Duration::ZERO };
        let file = Reopen::open(&part.file)?.look_every(interval);
        let reopener = file.reopener();
        return write_input(file, || (reopener.reopens(), reopener.failures()));
    }
    let file = RollingFile::builder(&part.file)
        .max_bytes(1)
        .keep(2)
        .retry_after(Duration::ZERO)
        .open()?;
    let status = file.status();
    write_input(file, || (status.rotations(), status.failures()))
}

fn write_input(mut file: impl Write, counts: impl Fn() -> (u64, u64)) -> Checked {
    writeln!(io::stdout(), "\nready")?;
    for line in io::stdin().lines() {
        file.write_all((line? + "\n").as_bytes())?;
        let (done, failures) = counts();
        writeln!(io::stdout(), "wrote {done} {failures}")?;
    }
    Ok(())
}

struct Writer(Child, BufReader<std::process::ChildStdout>);

impl Writer {
    fn start(command: &mut Command, name: &str, file: &Path) -> Result<Self, BoxError> {
        let mut child = child::plays(command, name, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("it has an output")?;
        Ok(Self(child, BufReader::new(stdout)))
    }

    /// The next line that begins so, without this beginning. `None` at the end of the child.
    fn read(&mut self, start: &str) -> Result<Option<String>, BoxError> {
        let mut line = String::new();
        while self.1.read_line(&mut line)? > 0 {
            if let Some(rest) = line.strip_prefix(start) {
                return Ok(Some(rest.trim_end().into()));
            }
            line.clear();
        }
        Ok(None)
    }

    /// Has it write a line. Returns its counters, or `None` if it has died.
    fn write(&mut self, line: &str) -> Result<Option<String>, BoxError> {
        let input = self.0.stdin.as_mut().ok_or("it has an input")?;
        match writeln!(input, "{line}") {
            Ok(()) => self.read("wrote "),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The names of the files, the oldest first.
fn files(folder: &Path) -> Result<Vec<PathBuf>, BoxError> {
    let files: io::Result<Vec<_>> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect();
    let mut files = files?;
    files.sort();
    if files.first().is_some_and(|first| first.ends_with("log")) {
        files.rotate_left(1);
    }
    Ok(files)
}

fn lines(folder: &Path) -> Result<Vec<String>, BoxError> {
    let mut all = String::new();
    for file in files(folder)? {
        all += &fs::read_to_string(file)?;
    }
    Ok(all.lines().map(str::to_owned).collect())
}

/// The last lines, if there are as many.
fn newest(written: usize, lines: usize) -> Vec<String> {
    (written.saturating_sub(lines)..written)
        .map(|n| n.to_string())
        .collect()
}

/// Under strace, which injects this into calls about the files of the log.
fn strace(folder: &Path, inject: &str) -> Result<Command, BoxError> {
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("inject={inject}"));
    for name in ["log", "log.0000001", "log.0000002", "log.0000003"] {
        strace.arg("-P").arg(folder.join(name));
    }
    strace.arg(std::env::current_exe()?);
    Ok(strace)
}

const RENAME: &str = "?rename,?renameat,?renameat2";

#[test]
fn a_kill_at_each_call_of_a_rotation_leaves_files_to_go_on_with() -> Checked {
    if let Some(part) = child::part() {
        return play(&part);
    }
    let mut killed = 0;
    for (calls, whens) in [
        (RENAME, 1..=4),
        ("?open,openat", 1..=5),
        ("?unlink,unlinkat", 1..=2),
    ] {
        for when in whens {
            let folder = tempfile::tempdir()?;
            let folder = folder.path().canonicalize()?;
            let path = folder.join("log");
            let mut strace = strace(&folder, &format!("{calls}:signal=SIGKILL:when={when}"))?;
            let mut writer = Writer::start(&mut strace, "rolling", &path)?;
            let mut written = 0;
            if writer.read("ready")?.is_some() {
                while written < 9 && writer.write(&written.to_string())?.is_some() {
                    written += 1;
                }
            }
            drop(writer.0.stdin.take());
            let status = writer.0.wait()?;
            if status.signal() == Some(9) {
                killed += 1;
            }
            // A line has a file of its own. The child was killed before it wrote this one.
            let found = lines(&folder)?;
            assert!(
                found.ends_with(&newest(written, 2)),
                "{calls} {when}: {found:?}"
            );
            let mut again = Command::new(std::env::current_exe()?);
            let mut writer = Writer::start(&mut again, "rolling", &path)?;
            for n in written..written + 2 {
                let counts = writer.write(&n.to_string())?.ok_or("it died")?;
                assert!(counts.ends_with(" 0"), "{calls} {when}: failures {counts}");
            }
            drop(writer.0.stdin.take());
            assert!(writer.0.wait()?.success());
            written += 2;
            assert_eq!(lines(&folder)?, newest(written, 3), "{calls} {when}");
        }
    }
    assert_eq!(killed, 11);
    Ok(())
}

#[test]
fn a_rename_that_is_refused_is_tried_again() -> Checked {
    if let Some(part) = child::part() {
        return play(&part);
    }
    let folder = tempfile::tempdir()?;
    let folder = folder.path().canonicalize()?;
    let mut strace = strace(&folder, &format!("{RENAME}:error=EACCES:when=1..2"))?;
    let mut writer = Writer::start(
        strace.stderr(Stdio::piped()),
        "rolling",
        &folder.join("log"),
    )?;
    for (line, counts) in [
        ("1", "0 0"),
        ("2", "0 1"),
        ("3", "0 2"),
        ("4", "1 2"),
        ("5", "2 2"),
    ] {
        assert_eq!(writer.write(line)?.as_deref(), Some(counts));
    }
    let output = writer.0.wait_with_output()?;
    assert!(output.status.success(), "{output:?}");
    // By default the sink says so on stderr.
    let said = String::from_utf8(output.stderr)?;
    let start = format!(
        "the log goes on: cannot rename {}: Permission denied",
        folder.join("log").display()
    );
    assert_eq!(
        said.lines().filter(|line| line.starts_with(&start)).count(),
        2,
        "{said}"
    );
    let texts: io::Result<Vec<_>> = files(&folder)?.iter().map(fs::read_to_string).collect();
    assert_eq!(texts?, ["1\n2\n3\n", "4\n", "5\n"]);
    Ok(())
}

/// Any user but root.
const UNPRIVILEGED: u32 = 65534;

/// Makes a command that runs this program as a user who heeds modes.
fn as_a_user(folder: &Path) -> Result<Command, BoxError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(Command::new(std::env::current_exe()?));
    }
    // The program may lie where that user may not look.
    let program = folder.join("program");
    // A program of its own copies it: what this process has open for writing, a child that another
    // test starts at this moment has as well, and the system runs no file that is written to.
    let copied = Command::new("cp")
        .arg(std::env::current_exe()?)
        .arg(&program)
        .status()?;
    assert!(copied.success());
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755))?;
    fs::set_permissions(folder, PermissionsExt::from_mode(0o755))?;
    chown(folder.join("logs"), Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
    let mut command = Command::new(program);
    command
        .uid(UNPRIVILEGED)
        .gid(UNPRIVILEGED)
        .current_dir(folder);
    Ok(command)
}

#[test]
fn a_folder_that_may_not_be_written_leaves_the_log_in_its_file() -> Checked {
    if let Some(part) = child::part() {
        return play(&part);
    }
    for name in ["rolling", "reopen"] {
        let folder = tempfile::tempdir()?;
        let logs = folder.path().join("logs");
        fs::create_dir(&logs)?;
        let mut writer = Writer::start(
            as_a_user(folder.path())?.stderr(Stdio::null()),
            name,
            &logs.join("log"),
        )?;
        assert_eq!(writer.write("1")?.as_deref(), Some("0 0"));
        fs::set_permissions(&logs, PermissionsExt::from_mode(0o555))?;
        if name == "reopen" {
            fs::remove_file(logs.join("log")).or_else(|_| {
                fs::set_permissions(&logs, PermissionsExt::from_mode(0o755))?;
                fs::remove_file(logs.join("log"))?;
                fs::set_permissions(&logs, PermissionsExt::from_mode(0o555))
            })?;
        }
        assert_eq!(writer.write("2")?.as_deref(), Some("0 1"));
        assert_eq!(writer.write("3")?.as_deref(), Some("0 2"));
        fs::set_permissions(&logs, PermissionsExt::from_mode(0o755))?;
        assert_eq!(writer.write("4")?.as_deref(), Some("1 2"));
        drop(writer.0.stdin.take());
        assert!(writer.0.wait()?.success());
        let expected: &[&str] = if name == "rolling" {
            &["1", "2", "3", "4"]
        } else {
            &["4"]
        };
        assert_eq!(lines(&logs)?, expected);
    }
    Ok(())
}

#[test]
fn a_look_is_two_calls_of_the_system_and_a_line_without_one_is_none() -> Checked {
    if let Some(part) = child::part() {
        return play(&part);
    }
    for (name, looks) in [("reopen", 100), ("reopen, and never look", 0)] {
        let folder = tempfile::tempdir()?;
        let folder = folder.path().canonicalize()?;
        let calls = folder.join("calls");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-e", "trace=%%stat", "-P"]);
        strace.arg(folder.join("log")).arg("-o").arg(&calls);
        strace.arg(std::env::current_exe()?);
        let mut writer = Writer::start(&mut strace, name, &folder.join("log"))?;
        for line in 0..100 {
            assert_eq!(writer.write(&line.to_string())?.as_deref(), Some("0 0"));
        }
        drop(writer.0.stdin.take());
        assert!(writer.0.wait()?.success());
        // The open asks for the length, once.
        let calls = fs::read_to_string(calls)?;
        assert_eq!(calls.lines().count(), 1 + 2 * looks, "{calls}");
    }
    Ok(())
}
