//! What happens to a stream, record by record. The lines of a trace are made
//! from it; some records, such as the beginning of a call, have no line.

use core::fmt;

/// The public properties of the stream, just after something happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    pub writable: bool,
    pub ended: bool,
    pub finished: bool,
    pub needs_drain: bool,
    pub destroyed: bool,
    pub closed: bool,
    pub aborted: bool,
    pub length: u64,
    pub corked: u32,
    pub errored: Option<String>,
}

/// Whose callback it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// Of the write of this number, its own function.
    Write(u32),
    /// One of the functions A and B that writes share.
    Shared(char),
    /// Of the end of this number.
    End(u32),
}

/// Ok, or the code of an error.
pub type Told = Result<(), String>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// `write()` begins. Writes and ends are numbered together.
    Write {
        number: u32,
        len: u64,
        callback: Option<Callee>,
    },
    /// It returns.
    Wrote {
        number: u32,
        room: bool,
        refused: bool,
    },
    /// `end()` begins.
    End {
        number: u32,
        chunk: Option<u64>,
        callback: bool,
    },
    /// It returns.
    Ended {
        number: u32,
        refused: bool,
    },
    /// `cork()` begins.
    Cork,
    /// `uncork()` begins.
    Uncork,
    /// `destroy()` begins.
    Destroy,
    /// One of these three returns.
    Returned(&'static str),
    /// The sink is called with the chunks of these writes or ends, and their lengths.
    Sink {
        batch: bool,
        chunks: Vec<(u32, u64)>,
    },
    /// A worker that gives a batch on chunk by chunk takes one of so many bytes. A call of the
    /// sink follows for each chunk.
    Taken {
        bytes: u64,
    },
    /// It answers call number so many, perhaps again.
    SinkAnswers {
        call: usize,
        ok: bool,
        again: bool,
    },
    /// The sink reports that so much more of its call is done.
    SinkProgresses {
        done: u64,
    },
    /// `_final` is called, or answers.
    Final,
    FinalAnswers {
        ok: bool,
    },
    /// `_construct` is called, or answers.
    Construct,
    ConstructAnswers {
        ok: bool,
    },
    /// `_destroy` is called.
    DestroyHook(Option<String>),
    /// An answer has been taken; how it was given.
    Answered(&'static str),
    /// The chunk of this write or end will not be written.
    Unsent(u32),
    /// An event.
    Event(&'static str),
    /// The event 'error', with a code.
    Error(String),
    /// A callback is called.
    Callback(Callee, Told),
    /// A turn is over, and all ticks have run.
    TurnOver,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub what: What,
    pub now: Moment,
}

impl Record {
    /// Its line in a trace, if it has one.
    pub fn line(&self) -> Option<String> {
        let what = self.what.line()?;
        Some(format!("{what} | {}", self.now))
    }
}

impl What {
    fn line(&self) -> Option<String> {
        Some(match self {
            Self::Wrote { number, room, .. } => format!("write{number}={room}"),
            Self::Ended { number, .. } => format!("end{number}"),
            Self::Returned(name) | Self::Answered(name) => (*name).into(),
            Self::Sink { batch, chunks } => {
                let chunks: Vec<_> = chunks
                    .iter()
                    .map(|(number, len)| format!("{len}@{number}"))
                    .collect();
                let name = if *batch { "_writev" } else { "_write" };
                format!("{name} {}", chunks.join(","))
            }
            Self::Final => "_final".into(),
            Self::Construct => "_construct".into(),
            Self::DestroyHook(error) => format!("_destroy {}", or_dash(error)),
            Self::Event(name) => format!("ev {name}"),
            Self::Error(code) => format!("ev error {code}"),
            Self::Callback(callee, told) => {
                let told = match told {
                    Ok(()) => "ok",
                    Err(code) => code,
                };
                match callee {
                    Callee::Write(number) => format!("cb w{number} {told}"),
                    Callee::Shared(name) => format!("cb s{name} {told}"),
                    Callee::End(number) => format!("cb e{number} {told}"),
                }
            }
            Self::TurnOver => "--".into(),
            Self::Write { .. }
            | Self::End { .. }
            | Self::Cork
            | Self::Uncork
            | Self::Destroy
            | Self::Taken { .. }
            | Self::SinkAnswers { .. }
            | Self::SinkProgresses { .. }
            | Self::FinalAnswers { .. }
            | Self::ConstructAnswers { .. }
            | Self::Unsent(_) => return None,
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = [
            self.writable,
            self.ended,
            self.finished,
            self.needs_drain,
            self.destroyed,
            self.closed,
            self.aborted,
        ];
        for bit in bits {
            f.write_str(if bit { "1" } else { "0" })?;
        }
        let errored = or_dash(&self.errored);
        write!(f, " {} {} {errored}", self.length, self.corked)
    }
}

fn or_dash(code: &Option<String>) -> &str {
    code.as_deref().unwrap_or("-")
}
