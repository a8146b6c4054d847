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
    match fault {
        Fault::Caller(ErrorId(id)) => 1 | id << 3,
        Fault::WriteAfterEnd => 2,
        Fault::Destroyed => 3,
        Fault::AlreadyFinished => 4,
        Fault::MultipleCallback => 5,
        Fault::TooLong => 6,
        Fault::NotImplemented => 7,
    }
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

pub(crate) fn result(answer: Result<(), Fault>) -> u32 {
    maybe(answer.err())
}

pub(crate) fn to_result(number: u32) -> Result<(), Fault> {
    to_fault(number).map_or(Ok(()), Err)
}

/// The fault of something that has one in any case.
fn to_some(number: u32) -> Fault {
    to_fault(number).unwrap_or(Fault::MultipleCallback)
}

const FLAG_OF_TASK: u32 = 1 << 3;

pub(crate) fn task(task: Task) -> Pair {
    let flag = |on: bool| if on { FLAG_OF_TASK } else { 0 };
    match task {
        Task::Construct => (0, 0),
        Task::Constructed(answer) => (1, result(answer)),
        Task::AfterWrite { count, callback } => (2 | flag(callback), count),
        Task::WriteFailed {
            fault: error,
            callback,
        } => (3 | flag(callback), fault(error)),
        Task::Reject => (4, 0),
        Task::Finish { unchecked } => (5 | flag(unchecked), 0),
        Task::Error(error) => (6, fault(error)),
        Task::Close(error) => (7, maybe(error)),
    }
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
            fault: to_some(number),
            callback: flag,
        },
        4 => Task::Reject,
        5 => Task::Finish { unchecked: flag },
        6 => Task::Error(to_some(number)),
        _ => Task::Close(to_fault(number)),
    }
}

/// `now`, `sync`, or whether there are callbacks.
const FLAG: u32 = 1 << 9;
/// Whether what comes next has a callback.
const CALLBACK: u32 = 1 << 10;

fn next(next: Next) -> Pair {
    let with = |kind: u32, callback: bool| kind << 5 | if callback { CALLBACK } else { 0 };
    match next {
        Next::Nothing => (0, 0),
        Next::Look => (with(1, false), 0),
        Next::LookNow => (with(2, false), 0),
        Next::LookThenEnd(end) => (with(3, end.callback), maybe(end.refused)),
        Next::End(end) => (with(4, end.callback), maybe(end.refused)),
        Next::EndCallback(error) => (with(5, false), maybe(error)),
        Next::AfterWrite { callback } => (with(6, callback), 0),
        Next::AtOnce { callback } => (with(7, callback), 0),
        Next::Fail(error) => (with(8, false), fault(error)),
    }
}

fn to_next((kind, number): Pair) -> Next {
    let callback = kind & CALLBACK != 0;
    let end = End {
        refused: to_fault(number),
        callback,
    };
    match kind >> 5 & 15 {
        1 => Next::Look,
        2 => Next::LookNow,
        3 => Next::LookThenEnd(end),
        4 => Next::End(end),
        5 => Next::EndCallback(to_fault(number)),
        6 => Next::AfterWrite { callback },
        7 => Next::AtOnce { callback },
        8 => Next::Fail(to_some(number)),
        _ => Next::Nothing,
    }
}

/// The kind of [`Then::Callbacks`].
pub(crate) const CALLBACKS: u32 = 3;

pub(crate) fn then(then: Then) -> Pair {
    let flag = |on: bool| if on { FLAG } else { 0 };
    let with = |kind: u32, after: Next| {
        let (bits, number) = next(after);
        (kind | bits, number)
    };
    match then {
        Then::Answer => (0, 0),
        Then::Flush(after) => with(1, after),
        Then::Flushing(after) => with(2, after),
        Then::Callbacks { left, callback } => (CALLBACKS | flag(callback), left),
        Then::Reject(after) => with(4, after),
        Then::Batched(after) => with(5, after),
        Then::Next(after) => with(6, after),
        Then::Finalizing(after) => with(7, after),
        Then::Prefinished { now, next } => with(8 | flag(now), next),
        Then::DeferFinish => (9, 0),
        Then::FailFinal(error) => (10, fault(error)),
        Then::Fail { fault: error, sync } => (11 | flag(sync), fault(error)),
        Then::TellError { fault: error, sync } => (12 | flag(sync), fault(error)),
        Then::CallDestroy => (13, 0),
        Then::TellFinish => (14, 0),
        Then::AutoDestroy => (15, 0),
        Then::TellClose => (16, 0),
    }
}

pub(crate) fn to_then((kind, number): Pair) -> Then {
    let flag = kind & FLAG != 0;
    let after = to_next((kind, number));
    let fault = to_some(number);
    match kind & 31 {
        1 => Then::Flush(after),
        2 => Then::Flushing(after),
        CALLBACKS => Then::Callbacks {
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
