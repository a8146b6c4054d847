//! `download`, as it is run.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use common::{Checked, Ended, interrupt, run, start};

const PROGRAM: &str = env!("CARGO_BIN_EXE_download");

#[test]
fn it_tries_itself_with_three_clients() -> Checked {
    let ended = run(PROGRAM, "")?;
    ended.well();
    for line in [
        "\nclient that leaves: pieces=10\n",
        "\ntext/csv: error=\"the reader has left, ",
        "\nhalf-closed client: pieces=",
    ] {
        assert!(ended.out.contains(line), "{line} in {}", ended.out);
    }
    assert!(
        ended.out.starts_with("slow client: pieces="),
        "{}",
        ended.out
    );
    assert_eq!(ended.out.matches(" rows=500000\n").count(), 2);
    assert!(ended.number("peak") < 2 * 16_384);
    Ok(())
}

#[test]
fn bad_arguments_are_one_line_and_status_2() -> Checked {
    for bad in ["--serve nowhere", "--client slow", "--nothing", "more"] {
        run(PROGRAM, bad)?.with(2, "download: ");
    }
    Ok(())
}

#[test]
fn curl_and_tar_get_all_files() -> Checked {
    let mut child = start(PROGRAM, ["--serve", "127.0.0.1:0"])?;
    let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut line = String::new();
    out.read_line(&mut line)?;
    let url = line.trim_end().rsplit(' ').next().ok_or("no address")?;
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let curl = Command::new("curl")
            .args(["--silent", version, url])
            .output()?;
        assert!(curl.status.success());
        let mut tar = Command::new("tar");
        let tar = tar.arg("-t").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut tar = tar.spawn()?;
        let mut archive = tar.stdin.take().ok_or("no input")?;
        archive.write_all(&curl.stdout)?;
        drop(archive);
        let names = String::from_utf8(tar.wait_with_output()?.stdout)?;
        assert_eq!(names.lines().count(), 100);
        assert!(names.ends_with("numbers/99.txt\n"), "{names}");
    }
    interrupt(&child)?;
    Ended::from(child.wait_with_output()?).with(130, "interrupted: whole=2 delivered=");
    out.read_to_string(&mut line)?;
    assert_eq!(line.matches("application/x-tar: delivered=").count(), 2);
    Ok(())
}
