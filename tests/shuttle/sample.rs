//! Schedules by the number: at random, and by priorities (PCT).

use std::env;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use rand::rngs::SmallRng;
use rand::{RngCore as _, SeedableRng as _};
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, Runner};

/// How many priorities a schedule changes. It finds a fault that takes as many steps
/// in one order with a likelihood that is known.
const DEPTHS: [usize; 3] = [3, 4, 5];

/// Runs this scenario in `HIGHWATER_SCHEDULES` schedules, 6,000 by default: half of them random,
/// the others by priorities. `HIGHWATER_SEED` is that of a run before, and `HIGHWATER_REPLAY` a
/// schedule that has failed, as shuttle prints it.
pub(crate) fn sample(scenario: impl Fn() + Send + Sync + Clone + 'static) {
    if let Ok(schedule) = env::var("HIGHWATER_REPLAY") {
        return run(ReplayScheduler::new_from_encoded(&schedule), scenario);
    }
    let seed = number("HIGHWATER_SEED").unwrap_or_else(|| SmallRng::from_os_rng().next_u64());
    let schedules = number("HIGHWATER_SCHEDULES").unwrap_or(6000) as usize;
    println!("HIGHWATER_SEED={seed} HIGHWATER_SCHEDULES={schedules}");
    let random = RandomScheduler::new_from_seed(seed, schedules.div_ceil(2));
    run(random, scenario.clone());
    for depth in DEPTHS {
        let schedules = schedules.div_ceil(2 * DEPTHS.len());
        println!("by priorities, {depth} of them changed");
        run(
            PctScheduler::new_from_seed(seed, depth, schedules),
            scenario.clone(),
        );
    }
}

/// A failure says in which schedule it was.
fn run(scheduler: impl Scheduler + 'static, scenario: impl Fn() + Send + Sync + 'static) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let scenario = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        scenario();
    };
    let run = || Runner::new(scheduler, Config::new()).run(scenario);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        println!("it failed in schedule {}", count.load(Ordering::Relaxed));
        resume_unwind(panic);
    }
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// Polls once, with a waker that wakes no task.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
