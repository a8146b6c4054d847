#!/usr/bin/env bash
# Searches the interleavings of the adapters with loom (tests/loom.rs, tests/loom_future.rs).
#
#   tests/loom.sh            every model of the threads, with at most 3 preemptions; again with
#                            those who wait staying awake for a turn, with at most 2; and
#                            those of the async adapter, with at most 2; and two of the
#                            threads, which end without it, without a bound
#   tests/loom.sh --faults   also plants each fault below in a copy of the sources,
#                            and expects the model named beside it to fail; with a
#                            mode behind it (plain, awake, future), only those of it
#
# HIGHWATER_PREEMPTIONS is another bound for all; 0 is none.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/plant.sh
export CARGO_TERM_COLOR=never
target=${CARGO_TARGET_DIR:-$PWD/target}/loom

# run plain|awake|future [model]
run() {
  local flags='--cfg highwater_loom' bound=2 folder=plain test=loom
  case $1 in
  plain) bound=3 ;;
  awake) flags="$flags --cfg highwater_loom=\"awake\"" folder=awake ;;
  future) test=loom_future ;;
  esac
  RUSTFLAGS=$flags CARGO_TARGET_DIR=$target/$folder HIGHWATER_PREEMPTIONS=${HIGHWATER_PREEMPTIONS:-$bound} \
    cargo test --locked --release --quiet --features futures --test "$test" -- \
    --test-threads 1 ${2+--exact "$2"}
}

only=${2-}
for mode in ${only:-plain awake future}; do run "$mode"; done
# These end without a bound, too.
for model in drop_can_leave_at_once drop_waits_until_all_is_written; do
  HIGHWATER_PREEMPTIONS=0 run plain "$model"
done
[ "${1-}" = --faults ] || exit 0

copy=$target/copy
# Of its own: what is built of a fault must not be taken for what is built of none.
target=$target/faults
failed=0
# Separated by tabs: mode, model, file, what stands there, what stands there instead.
while IFS=$'\t' read -r mode model file old new; do
  [ "$mode" = "${only:-$mode}" ] || continue
  plant "$copy" "$file" "$old" "$new"
  if (cd "$copy" && run "$mode" "$model") >"$copy/output" 2>&1; then
    echo "not noticed by $model: $old -> $new"
    failed=1
  elif grep -q 'could not compile' "$copy/output"; then
    tail -20 "$copy/output"
    exit 1
  else
    echo "noticed by $model: $old -> $new"
  fi
done <<'FAULTS'
plain	who_waits_is_woken	src/thread/shared.rs	if wake {	if false {
plain	who_waits_is_woken	src/thread/shared.rs	if sleepers > 0 {	if sleepers > 9 {
plain	two_producers_lose_nothing	src/thread/shared.rs	inside.sleepers += 1;	inside.sleepers += 0;
plain	two_producers_lose_nothing	src/thread/shared.rs	self.changed.notify_all();	self.changed.notify_one();
plain	a_write_meets_the_end	src/adapter/core.rs	Err(refused) => Err(self.refused(refused)),	Err(_) => Ok(Flow::More),
plain	destroy_meets_a_write_in_flight	src/adapter/desk.rs	desk.put_back(&mut items);	drop(items);
plain	destroy_meets_a_write_in_flight	src/adapter/desk.rs	desk.put_back(&mut rest);	
plain	drop_waits_until_all_is_written	src/thread/writable.rs	OnDrop::Finish => Deadline::NEVER,	OnDrop::Finish => return self.leave(),
plain	drop_can_leave_at_once	src/thread/writable.rs	self.discard(|_| None);	
plain	positions_and_flushes_are_reached	src/adapter/core.rs	desk.delivered >= position)	desk.delivered + 1 >= position)
plain	positions_and_flushes_are_reached	src/adapter/desk.rs	desk.flushed += delivery.flushes;	
plain	a_cork_holds	src/adapter/core.rs	self.settle();	
plain	a_cork_holds	src/thread/writer.rs	core.driver.cork();	
plain	a_failure_reaches_everybody	src/adapter/core.rs	} else if let Some(cause) = self.failure() {	} else if let (true, Some(cause)) = (false, self.failure()) {
plain	a_panic_reaches_everybody	src/thread/worker.rs	let result = guard(|| deliver(sink, &mut delivery, stop));	let result = deliver(sink, &mut delivery, stop).map_err(Cause::from);
plain	an_opening_that_fails_reaches_everybody	src/thread/worker.rs	core.driver.constructed(result);	core.driver.constructed(result.or(Ok(())));
awake	who_waits_is_woken	src/thread/shared.rs	if !changed() {	if TURNS > 0 {
awake	positions_and_flushes_are_reached	src/thread/shared.rs	self.signs.0.changes.fetch_add(1, Ordering::Relaxed);	
future	who_waits_is_woken	src/future/shared.rs	awake.extend(self.worker.take());	
future	who_waits_is_woken	src/future/shared.rs	awake.extend(waiter.waker.take());	drop(waiter.waker.take());
future	who_waits_is_woken	src/future/shared.rs	let old = inside.worker.replace(waker);	drop(inside); let mut inside = self.lock(); let old = inside.worker.replace(waker);
future	two_producers_lose_nothing	src/future/shared.rs	self.count += 1;	
future	a_sink_that_is_ready_later_is_asked_again	src/future/worker.rs	ready!(sink.poll_write(cx, bytes)).map(Some)	ready!(sink.poll_write(&mut Context::from_waker(core::task::Waker::noop()), bytes)).map(Some)
future	destroy_meets_a_write_in_flight	src/adapter/desk.rs	desk.put_back(&mut items);	drop(items);
future	destroy_meets_a_sink_that_is_stuck	src/future/worker.rs	while !stop.load(Ordering::Acquire) {	loop {
future	a_wait_that_is_given_up_is_nobody_elses	src/future/shared.rs	let waiter = self.waiters.remove(index);	let waiter = self.waiters.remove(0);
future	positions_and_flushes_are_reached	src/adapter/core.rs	desk.delivered >= position)	desk.delivered + 1 >= position)
future	positions_and_flushes_are_reached	src/adapter/desk.rs	desk.flushed += delivery.flushes;	
future	a_worker_that_is_dropped_reaches_everybody	src/future/worker.rs	drop(core.destroy(None));	
future	a_pipe_and_a_producer_share_a_limit	src/future/pipe.rs	match self.writer.wait_then(Want::Room, write).await {	match self.writer.wait(Want::Room).await.map(|()| self.writer.shared().call(write)) {
FAULTS
exit "$failed"
