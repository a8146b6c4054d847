#!/usr/bin/env bash
# Searches the interleavings of the thread adapter with loom (tests/loom.rs).
#
#   tests/loom.sh            every model, with at most 3 preemptions
#   tests/loom.sh --faults   also plants each fault below in a copy of the sources,
#                            and expects the model named beside it to fail
#
# HIGHWATER_PREEMPTIONS is another bound; 0 is none.
set -euo pipefail
cd "$(dirname "$0")/.."
export RUSTFLAGS='--cfg highwater_loom' CARGO_TERM_COLOR=never
target=${CARGO_TARGET_DIR:-$PWD/target}/loom
export CARGO_TARGET_DIR=$target

run() { cargo test --locked --release --quiet --test loom -- --test-threads 1 "$@"; }

run
[ "${1-}" = --faults ] || exit 0

copy=$target/copy
# Of its own: what is built of a fault must not be taken for what is built of none.
export CARGO_TARGET_DIR=$target/faults
failed=0
# Separated by tabs: model, file, what stands there, what stands there instead.
while IFS=$'\t' read -r model file old new; do
  rm -rf "$copy"
  mkdir -p "$copy"
  git ls-files -coz --exclude-standard | xargs -0 cp --parents -t "$copy"
  OLD=$old NEW=$new perl -0pi -e '$n = s/\Q$ENV{OLD}\E/$ENV{NEW}/g; END { exit($n != 1) }' "$copy/$file" ||
    { echo "$file does not have just once: $old"; exit 1; }
  if (cd "$copy" && run --exact "$model") >"$copy/output" 2>&1; then
    echo "not noticed by $model: $old -> $new"
    failed=1
  elif grep -q 'could not compile' "$copy/output"; then
    tail -20 "$copy/output"
    exit 1
  else
    echo "noticed by $model: $old -> $new"
  fi
done <<'FAULTS'
who_waits_is_woken	src/thread/shared.rs	self.work.notify_one();	
who_waits_is_woken	src/thread/shared.rs	let somebody = self.waits();	let somebody = false;
two_producers_lose_nothing	src/thread/shared.rs	self.waiting.fetch_add(1, Ordering::Relaxed);	
two_producers_lose_nothing	src/thread/shared.rs	self.changed.notify_all();	self.changed.notify_one();
a_write_meets_the_end	src/adapter/core.rs	Err(refused) => Err(self.refused(refused)),	Err(_) => Ok(Flow::More),
destroy_meets_a_write_in_flight	src/adapter/desk.rs	desk.put_back(&mut items);	drop(items);
destroy_meets_a_write_in_flight	src/adapter/desk.rs	desk.put_back(&mut rest);	
drop_waits_until_all_is_written	src/thread/writable.rs	OnDrop::Finish => Deadline::NEVER,	OnDrop::Finish => return self.leave(),
drop_can_leave_at_once	src/thread/writable.rs	shared.change(|core| core.destroy(None));	
positions_and_flushes_are_reached	src/thread/writer.rs	core.driver.host().delivered >= position)	core.driver.host().delivered + 1 >= position)
positions_and_flushes_are_reached	src/adapter/desk.rs	desk.flushed += delivery.flushes;	
a_cork_holds	src/adapter/core.rs	self.settle();	
a_cork_holds	src/thread/writer.rs	core.driver.cork();	
a_failure_reaches_everybody	src/thread/writer.rs	} else if let Some(cause) = core.failure() {	} else if let (true, Some(cause)) = (false, core.failure()) {
a_panic_reaches_everybody	src/thread/worker.rs	let result = guard(|| deliver(sink, &mut delivery, stop));	let result = deliver(sink, &mut delivery, stop).map_err(Cause::from);
an_opening_that_fails_reaches_everybody	src/thread/worker.rs	core.driver.constructed(result);	core.driver.constructed(result.or(Ok(())));
FAULTS
exit "$failed"
