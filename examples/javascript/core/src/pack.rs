//! What the machine says, and what it is given back, as numbers.
//!
//! | what | number |
//! | --- | --- |
//! | a fault | 0 none, 1 an error of the caller with its id in the bits from 3 on, 2 and more the machine's own |
//! | a task | its kind, a flag in bit 3; a second number: its fault or count |
//! | a continuation | its kind, what comes next in bits 5 to 8, flags in bits 9 and 10; a second number: its fault or count |
//!
//! A number that means nothing becomes something harmless: no input can harm the machine.

use highwater::machine::{End, ErrorId, Fault, Next, Task, Then};

/// Two numbers, the second of which is a fault or a count.
pub(crate) type Pair = (u32, u32);

pub(crate) fn fault(fault: Fault) -> u32 {
    let (kind, id) = match fault {
        Fault::Caller(ErrorId(id)) => (1, id),
        Fault::WriteAfterEnd => (2, 0),
        Fault::Destroyed => (3, 0),
        Fault::AlreadyFinished => (4, 0),
        Fault::MultipleCallback => (5, 0),
        Fault::TooLong => (6, 0),
        Fault::NotImplemented => (7, 0),
    };
    kind | id << 3
}

pub(crate) fn to_fault(number: u32) -> Option<Fault> {
    Some(match number & 7 {
        1 => Fault::Caller(ErrorId(number >> 3)),
        2 => Fault::WriteAfterEnd,
        3 => Fault::Destroyed,
        4 => Fault::AlreadyFinished,
        5 => Fault::MultipleCallback,
        6 => Fault::TooLong,
        7 => Fault::NotImplemented,
        _ => return None,
    })
}

pub(crate) fn maybe(found: Option<Fault>) -> u32 {
    found.map_or(0, fault)
}

pub(crate) fn to_result(number: u32) -> Result<(), Fault> {
    to_fault(number).map_or(Ok(()), Err)
}

/// The fault of something that has one in any case.
fn some(error: Option<Fault>) -> Fault {
    error.unwrap_or(Fault::MultipleCallback)
}

const FLAG_OF_TASK: u32 = 1 << 3;

// Kind, flag and number are matched apart, so that kinds with the same details share their code:
// the module has a bound in bytes (bench.mjs).
pub(crate) fn task(task: Task) -> Pair {
    let kind = match task {
        Task::Construct => 0,
        Task::Constructed(_) => 1,
        Task::AfterWrite { .. } => 2,
        Task::WriteFailed { .. } => 3,
        Task::Reject => 4,
        Task::Finish { .. } => 5,
        Task::Error(_) => 6,
        Task::Close(_) => 7,
    };
    let flag = match task {
        Task::AfterWrite { callback: on, .. }
        | Task::WriteFailed { callback: on, .. }
        | Task::Finish { unchecked: on } => u32::from(on) * FLAG_OF_TASK,
        _ => 0,
    };
    let number = match task {
        Task::AfterWrite { count, .. } => count,
        Task::WriteFailed { fault: with, .. } | Task::Error(with) => fault(with),
        Task::Constructed(Err(with)) | Task::Close(Some(with)) => fault(with),
        _ => 0,
    };
    (kind | flag, number)
}

pub(crate) fn to_task((kind, number): Pair) -> Task {
    let flag = kind & FLAG_OF_TASK != 0;
    match kind & 7 {
        0 => Task::Construct,
        1 => Task::Constructed(to_result(number)),
        2 => Task::AfterWrite {
            count: number,
            callback: flag,
        },
        3 => Task::WriteFailed {
            fault: some(to_fault(number)),
            callback: flag,
        },
        4 => Task::Reject,
        5 => Task::Finish { unchecked: flag },
        6 => Task::Error(some(to_fault(number))),
        _ => Task::Close(to_fault(number)),
    }
}

/// `now`, `sync`, or whether there are callbacks.
const FLAG: u32 = 1 << 9;
/// Whether what comes next has a callback.
const CALLBACK: u32 = 1 << 10;

fn next(next: Next) -> Pair {
    let kind = match next {
        Next::Nothing => 0,
        Next::Look => 1,
        Next::LookNow => 2,
        Next::LookThenEnd(_) => 3,
        Next::End(_) => 4,
        Next::EndCallback(_) => 5,
        Next::AfterWrite { .. } => 6,
        Next::AtOnce { .. } => 7,
        Next::Fail(_) => 8,
    };
    let flag = match next {
        Next::LookThenEnd(End { callback: on, .. })
        | Next::End(End { callback: on, .. })
        | Next::AfterWrite { callback: on }
        | Next::AtOnce { callback: on } => u32::from(on) * CALLBACK,
        _ => 0,
    };
    let number = match next {
        Next::LookThenEnd(end) | Next::End(end) => maybe(end.refused),
        Next::EndCallback(error) => maybe(error),
        Next::Fail(error) => fault(error),
        _ => 0,
    };
    (kind << 5 | flag, number)
}

fn to_next(kind: u32, error: Option<Fault>) -> Next {
    let callback = kind & CALLBACK != 0;
    let refused = error;
    let end = End { refused, callback };
    match kind >> 5 & 15 {
        1 => Next::Look,
        2 => Next::LookNow,
        3 => Next::LookThenEnd(end),
        4 => Next::End(end),
        5 => Next::EndCallback(error),
        6 => Next::AfterWrite { callback },
        7 => Next::AtOnce { callback },
        8 => Next::Fail(some(error)),
        _ => Next::Nothing,
    }
}

pub(crate) fn then(then: Then) -> Pair {
    let kind = match then {
        Then::Answer => 0,
        Then::Flush(_) => 1,
        Then::Flushing(_) => 2,
        Then::Callbacks { .. } => 3,
        Then::Reject(_) => 4,
        Then::Batched(_) => 5,
        Then::Next(_) => 6,
        Then::Finalizing(_) => 7,
        Then::Prefinished { .. } => 8,
        Then::DeferFinish => 9,
        Then::FailFinal(_) => 10,
        Then::Fail { .. } => 11,
        Then::TellError { .. } => 12,
        Then::CallDestroy => 13,
        Then::TellFinish => 14,
        Then::AutoDestroy => 15,
        Then::TellClose => 16,
    };
    let flag = match then {
        Then::Callbacks { callback: on, .. }
        | Then::Prefinished { now: on, .. }
        | Then::Fail { sync: on, .. }
        | Then::TellError { sync: on, .. } => u32::from(on) * FLAG,
        _ => 0,
    };
    let (bits, number) = match then {
        Then::Flush(after)
        | Then::Flushing(after)
        | Then::Reject(after)
        | Then::Batched(after)
        | Then::Next(after)
        | Then::Finalizing(after)
        | Then::Prefinished { next: after, .. } => next(after),
        Then::Callbacks { left, .. } => (0, left),
        Then::FailFinal(with)
        | Then::Fail { fault: with, .. }
        | Then::TellError { fault: with, .. } => (0, fault(with)),
        _ => (0, 0),
    };
    (kind | flag | bits, number)
}

pub(crate) fn to_then((kind, number): Pair) -> Then {
    let flag = kind & FLAG != 0;
    let error = to_fault(number);
    let (after, fault) = (to_next(kind, error), some(error));
    match kind & 31 {
        1 => Then::Flush(after),
        2 => Then::Flushing(after),
        3 => Then::Callbacks {
            left: number,
            callback: flag,
        },
        4 => Then::Reject(after),
        5 => Then::Batched(after),
        6 => Then::Next(after),
        7 => Then::Finalizing(after),
        8 => Then::Prefinished {
            now: flag,
            next: after,
        },
        9 => Then::DeferFinish,
        10 => Then::FailFinal(fault),
        11 => Then::Fail { fault, sync: flag },
        12 => Then::TellError { fault, sync: flag },
        13 => Then::CallDestroy,
        14 => Then::TellFinish,
        15 => Then::AutoDestroy,
        16 => Then::TellClose,
        _ => Then::Answer,
    }
}
