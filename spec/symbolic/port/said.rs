//! Inputs, effects and continuations as words of 8 bytes.
//!
//! A variant is its place in the source of its enumeration, counted from 1.

use super::words::{Error, Word};
use super::*;
use crate::words;

words! {
    /// An input, an effect or a continuation.
    pub struct Said {
        kind: u64,
        /// The variant of the task, continuation, event or lease that it carries.
        inner: u64,
        /// The variant of the [`Next`] in it.
        next: u64,
        pub count: u64,
        pub length: u64,
        pub flag: u64,
        error: Error,
        /// Of `Effect::Destroy` alone.
        second_error: Error,
        next_flag: u64,
        next_error: Error,
    }
}

/// What an operation answered.
fn result(error: Error) -> Result<(), Fault> {
    match error {
        None => Ok(()),
        Some(fault) => Err(fault),
    }
}

/// An error where there must be one.
fn fault(error: Error) -> Fault {
    match error {
        Some(fault) => fault,
        None => panic!("no error where one must be"),
    }
}

// What comes in is read.
impl Said {
    pub fn input(&self) -> Input {
        let (flag, error) = (self.flag != 0, self.error);
        match self.kind {
            1 => Input::Start,
            2 => Input::Write(Measure {
                len: self.length,
                callback: flag,
            }),
            3 => Input::Cork,
            4 => Input::Uncork,
            5 => Input::End(End {
                refused: error,
                callback: flag,
            }),
            6 => Input::Destroy(error),
            7 => Input::Written {
                result: result(error),
                again: flag,
            },
            8 => Input::Progress(self.length),
            9 => Input::Constructed(result(error)),
            10 => Input::Finalized(result(error)),
            11 => Input::Destroyed(error),
            12 => Input::Joined,
            13 => Input::Settle(self.leased()),
            14 => Input::Run(self.task()),
            15 => Input::Resume(self.then()),
            _ => panic!("no such input"),
        }
    }

    fn leased(&self) -> Leased {
        let (count, flag) = (self.count as u32, self.flag != 0);
        match self.inner {
            1 => Leased::Queued {
                chunks: count,
                len: self.length,
                callback: flag,
            },
            2 => Leased::Written {
                callbacks: count,
                deferred: flag,
            },
            3 => Leased::Called { callbacks: count },
            4 => Leased::Flushed {
                answers: count,
                len: self.length,
            },
            _ => panic!("no such lease"),
        }
    }

    fn task(&self) -> Task {
        let (flag, error) = (self.flag != 0, self.error);
        match self.inner {
            1 => Task::Construct,
            2 => Task::Constructed(result(error)),
            3 => Task::AfterWrite {
                count: self.count as u32,
                callback: flag,
            },
            4 => Task::WriteFailed {
                fault: fault(error),
                callback: flag,
            },
            5 => Task::Reject,
            6 => Task::Finish { unchecked: flag },
            7 => Task::Error(fault(error)),
            8 => Task::Close(error),
            _ => panic!("no such task"),
        }
    }

    fn then(&self) -> Then {
        let (flag, error) = (self.flag != 0, self.error);
        match self.inner {
            1 => Then::Answer,
            2 => Then::Flush(self.next()),
            3 => Then::Flushing(self.next()),
            4 => Then::Callbacks {
                left: self.count as u32,
                callback: flag,
            },
            5 => Then::Reject(self.next()),
            6 => Then::Batched(self.next()),
            7 => Then::Next(self.next()),
            8 => Then::Finalizing(self.next()),
            9 => Then::Prefinished {
                now: flag,
                next: self.next(),
            },
            10 => Then::DeferFinish,
            11 => Then::FailFinal(fault(error)),
            12 => Then::Fail {
                fault: fault(error),
                sync: flag,
            },
            13 => Then::TellError {
                fault: fault(error),
                sync: flag,
            },
            14 => Then::CallDestroy,
            15 => Then::TellFinish,
            16 => Then::AutoDestroy,
            17 => Then::TellClose,
            _ => panic!("no such continuation"),
        }
    }

    fn next(&self) -> Next {
        let (callback, error) = (self.next_flag != 0, self.next_error);
        let end = End {
            refused: error,
            callback,
        };
        match self.next {
            1 => Next::Nothing,
            2 => Next::Look,
            3 => Next::LookNow,
            4 => Next::LookThenEnd(end),
            5 => Next::End(end),
            6 => Next::EndCallback(error),
            7 => Next::AfterWrite { callback },
            8 => Next::AtOnce { callback },
            9 => Next::Fail(fault(error)),
            _ => panic!("no such follow-up"),
        }
    }
}

// What comes out is written.
impl Said {
    pub const NOTHING: Self = Self {
        kind: 0,
        inner: 0,
        next: 0,
        count: 0,
        length: 0,
        flag: 0,
        error: None,
        second_error: None,
        next_flag: 0,
        next_error: None,
    };

    fn of_kind(kind: u64) -> Self {
        Self {
            kind,
            ..Self::NOTHING
        }
    }

    fn error(self, error: impl Into<Error>) -> Self {
        Self {
            error: error.into(),
            ..self
        }
    }

    fn flag(self, flag: bool) -> Self {
        Self {
            flag: flag.into(),
            ..self
        }
    }

    fn count(self, count: u32) -> Self {
        Self {
            count: count.into(),
            ..self
        }
    }

    fn length(self, length: u64) -> Self {
        Self { length, ..self }
    }

    fn inner(self, inner: u64) -> Self {
        Self { inner, ..self }
    }

    pub fn of_input(input: Input) -> Self {
        let said = Self::of_kind;
        match input {
            Input::Start => said(1),
            Input::Write(Measure { len, callback }) => said(2).length(len).flag(callback),
            Input::Cork => said(3),
            Input::Uncork => said(4),
            Input::End(End { refused, callback }) => said(5).error(refused).flag(callback),
            Input::Destroy(error) => said(6).error(error),
            Input::Written { result, again } => said(7).error(result.err()).flag(again),
            Input::Progress(length) => said(8).length(length),
            Input::Constructed(result) => said(9).error(result.err()),
            Input::Finalized(result) => said(10).error(result.err()),
            Input::Destroyed(error) => said(11).error(error),
            Input::Joined => said(12),
            Input::Settle(leased) => said(13).of_leased(leased),
            Input::Run(task) => said(14).of_task(task),
            Input::Resume(then) => said(15).of_then(then),
        }
    }

    fn of_leased(self, leased: Leased) -> Self {
        match leased {
            Leased::Queued {
                chunks,
                len,
                callback,
            } => self.inner(1).count(chunks).length(len).flag(callback),
            Leased::Written {
                callbacks,
                deferred,
            } => self.inner(2).count(callbacks).flag(deferred),
            Leased::Called { callbacks } => self.inner(3).count(callbacks),
            Leased::Flushed { answers, len } => self.inner(4).count(answers).length(len),
        }
    }

    fn of_task(self, task: Task) -> Self {
        match task {
            Task::Construct => self.inner(1),
            Task::Constructed(result) => self.inner(2).error(result.err()),
            Task::AfterWrite { count, callback } => self.inner(3).count(count).flag(callback),
            Task::WriteFailed { fault, callback } => self.inner(4).error(fault).flag(callback),
            Task::Reject => self.inner(5),
            Task::Finish { unchecked } => self.inner(6).flag(unchecked),
            Task::Error(fault) => self.inner(7).error(fault),
            Task::Close(error) => self.inner(8).error(error),
        }
    }

    pub fn of_effect(effect: Effect) -> Self {
        let said = Self::of_kind;
        match effect {
            Effect::Refuse(fault) => said(1).error(fault),
            Effect::Queue => said(2),
            Effect::WriteGiven => said(3),
            Effect::WriteHead => said(4),
            Effect::WriteBatch(count) => said(5).count(count),
            Effect::Construct => said(6),
            Effect::Finalize => said(7),
            Effect::Destroy { error, construct } => Self {
                second_error: construct,
                ..said(8).error(error)
            },
            Effect::Emit(event) => match event {
                Event::Open => said(9).inner(1),
                Event::Drain => said(9).inner(2),
                Event::Prefinish => said(9).inner(3),
                Event::Finish => said(9).inner(4),
                Event::Error(fault) => said(9).inner(5).error(fault),
                Event::Close => said(9).inner(6),
            },
            Effect::Callback(result) => said(10).error(result.err()),
            Effect::RejectTaken(fault) => said(11).error(fault),
            Effect::RejectHead(fault) => said(12).error(fault),
            Effect::FailHead(fault) => said(13).error(fault),
            Effect::KeepEnd => said(14),
            Effect::DeferEnd(fault) => said(15).error(fault),
            Effect::CallEnds(result) => said(16).error(result.err()),
            Effect::Defer(task) => said(17).of_task(task),
        }
    }

    fn of_then(self, then: Then) -> Self {
        match then {
            Then::Answer => self.inner(1),
            Then::Flush(next) => self.inner(2).followed_by(next),
            Then::Flushing(next) => self.inner(3).followed_by(next),
            Then::Callbacks { left, callback } => self.inner(4).count(left).flag(callback),
            Then::Reject(next) => self.inner(5).followed_by(next),
            Then::Batched(next) => self.inner(6).followed_by(next),
            Then::Next(next) => self.inner(7).followed_by(next),
            Then::Finalizing(next) => self.inner(8).followed_by(next),
            Then::Prefinished { now, next } => self.inner(9).flag(now).followed_by(next),
            Then::DeferFinish => self.inner(10),
            Then::FailFinal(fault) => self.inner(11).error(fault),
            Then::Fail { fault, sync } => self.inner(12).error(fault).flag(sync),
            Then::TellError { fault, sync } => self.inner(13).error(fault).flag(sync),
            Then::CallDestroy => self.inner(14),
            Then::TellFinish => self.inner(15),
            Then::AutoDestroy => self.inner(16),
            Then::TellClose => self.inner(17),
        }
    }

    fn followed_by(self, next: Next) -> Self {
        let none = (false, None);
        let (next, (flag, error)) = match next {
            Next::Nothing => (1, none),
            Next::Look => (2, none),
            Next::LookNow => (3, none),
            Next::LookThenEnd(End { refused, callback }) => (4, (callback, refused)),
            Next::End(End { refused, callback }) => (5, (callback, refused)),
            Next::EndCallback(error) => (6, (false, error)),
            Next::AfterWrite { callback } => (7, (callback, None)),
            Next::AtOnce { callback } => (8, (callback, None)),
            Next::Fail(fault) => (9, (false, Some(fault))),
        };
        Self {
            next,
            next_flag: flag.into(),
            next_error: error,
            ..self
        }
    }
}
