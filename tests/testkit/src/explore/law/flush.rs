//! The law of the lease to flush: an answer of the sink brings the next chunk, and then the
//! callback of the write that was answered.

use highwater::machine::{Effect, Input, Leased, Measure, Next, State, Then, step};

use super::{CALLBACKS, Law, Look, lengths};

impl Law {
    /// One answer, and two, on the lease lead to where their settlement leads. An answer that
    /// is not on the lease does something else.
    pub(super) fn flushes(&mut self, look: &Look<'_>) {
        let lease = look.state.lease_to_flush(look.options);
        let most = lease.len.saturating_add(self.excess.flushed);
        let in_flight = look.state.in_flight();
        let waiting = look.state.length().saturating_sub(in_flight);
        for first in lengths(waiting) {
            for second in lengths(waiting - first) {
                for callbacks in CALLBACKS {
                    let one = in_flight;
                    let both = one.saturating_add(look.options.measure(first));
                    let chunks = [(first, callbacks[0]), (second, callbacks[1])]
                        .map(|(len, callback)| Measure { len, callback });
                    for (count, sum) in (1..=lease.count.min(2)).zip([one, both]) {
                        let on_lease = sum <= most;
                        let same = !on_lease || look.flushed(&chunks[..count as usize], sum);
                        self.flush.must(
                            same,
                            look,
                            format_args!("{count} answers bring {first} and {second}"),
                        );
                    }
                }
            }
        }
        let past = lease.count == 0 || in_flight > lease.len;
        let plain = || look.answered(&mut look.state.clone(), Measure::default());
        self.flush.must(
            !past || !look.state.is_writable() || plain().is_none(),
            look,
            format_args!("an answer could be on the lease to flush"),
        );
    }
}

impl Look<'_> {
    /// An answer that brings this chunk, if nothing else comes of it except the callback of
    /// the write that was answered. Returns whether there was one.
    fn answered(&self, state: &mut State, chunk: Measure) -> Option<bool> {
        let put = |state: &mut State, input| step(state, self.options, Some(chunk), input);
        let (result, again) = (Ok(()), false);
        let first = put(state, Input::Written { result, again });
        let (Some(Effect::WriteHead), Some(then)) = (first.effect, first.then) else {
            return None;
        };
        let Then::Flushing(Next::AfterWrite { callback }) = then else {
            return None;
        };
        let mut last = put(state, Input::Resume(then));
        if callback {
            let counted = *state;
            let then = Then::Callbacks { left: 0, callback };
            if (last.effect, last.then) != (Some(Effect::Callback(Ok(()))), Some(then)) {
                return None;
            }
            last = put(state, Input::Resume(then));
            // While the callback is on the stack its answer counts already.
            if *state != counted {
                return None;
            }
        }
        (last.effect.is_none() && last.then.is_none()).then_some(callback)
    }

    /// The sink answers once for each of these chunks, and gets it.
    fn flushed(&self, chunks: &[Measure], len: u64) -> bool {
        let (mut state, mut before) = (self.state, None);
        for &chunk in chunks {
            let callback = self.answered(&mut state, chunk);
            if callback.is_none() || before.is_some_and(|before| callback != Some(before)) {
                return false;
            }
            before = Some(chunk.callback);
        }
        let answers = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        let settled = Input::Settle(Leased::Flushed { answers, len });
        let (mut after, head) = (self.state, chunks.last().copied());
        let quiet = step(&mut after, self.options, head, settled);
        quiet.effect.is_none() && quiet.then.is_none() && state == after
    }
}
