#!/usr/bin/env bash
# Plants each fault below in a copy of the sources, and expects the test beside it to
# fail: for the async adapters, the log, and some others. (What shows the other
# tests to fail: tests/planted_faults.rs, tests/loom.sh --faults, spec/mutants.sh, and
# spoilt outcomes in the tests themselves.) It takes some ten minutes.
#
#   tests/planted_faults.sh [TEST]    every fault, or those of tests/TEST.rs
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/plant.sh
export CARGO_TERM_COLOR=never HIGHWATER_SEED=1
only=${1-}
copy=${CARGO_TARGET_DIR:-$PWD/target}/planted/copy
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/planted/target

# run TEST NAME: whoever waits for ever is found out by the clock.
run() {
  [ ! -f "examples/$1.rs" ] || cargo build --locked --quiet --profile test --example "$1" || return 3
  cargo test --locked --quiet --all-features --test "$1" --no-run || return 3
  timeout 60 cargo test --locked --quiet --all-features --test "$1" -- "$2"
}

failed=0
# Separated by tabs: test, name, file, what stands there, what stands there instead.
while IFS=$'\t' read -r test name file old new; do
  [ "$test" = "${only:-$test}" ] || continue
  plant "$copy" "$file" "$old" "$new"
  code=0
  (cd "$copy" && run "$test" "$name") >"$copy/output" 2>&1 || code=$?
  case $code in
    0) echo "not noticed by $test, $name: $old -> $new"; failed=1 ;;
    3) tail -20 "$copy/output"; exit 1 ;;
    124) echo "noticed by $test, $name, which hangs: $old -> $new" ;;
    *) echo "noticed by $test, $name: $old -> $new" ;;
  esac
done <<'FAULTS'
future	whatever_is_dropped_delivered_and_unsent	src/adapter/desk.rs	desk.put_back(&mut rest);	
future	closing_twice_is_closing_once	src/future/io.rs	Err(WaitError::Ended) => return self.poll_finished(cx),	Err(WaitError::Ended) => return Poll::Ready(Err(WaitError::Ended)),
future	a_producer_does_not_end	src/future/io.rs	AsyncWrite::poll_flush(self, cx)	{ self.shared().call(|core| drop(core.end(None))); AsyncWrite::poll_flush(self, cx) }
future	a_refused_chunk_comes_back	src/future/io.rs	Err(error) => Err(error.map(Some)),	Err(error) => Err(error.map(|_| None)),
future	a_dropped_owner_ends_or_discards	src/future/writable.rs	if self.discards {	if false {
future	pipe_tells_which_side_failed	src/future/worker.rs	delivery.failure = result.err().map(Cause::from),	delivery.failure = result.err().map(|_| Cause::from(io::Error::other("?"))),
future	a_broken_sink_is_an_error	src/future/worker.rs	Err(cause) => delivery.failure = Some(cause),	Err(_) => {}
future_wakes	the_worker_is_woken_for_work	src/future/shared.rs	if stop || desk.job.is_some() || !desk.events.is_empty() {	if true {
future_wakes	who_waits_is_woken_once	src/future/shared.rs	if waiter.waker.is_some() && self.core.found(waiter.want).is_some() {	if waiter.waker.is_some() {
future_wakes	a_wait_that_was_dropped	src/future/writer.rs	self.0.leave(&mut self.1);	
future_wakes	without_its_worker	src/future/worker.rs	drop(core.destroy(None));	
future_promises	a_destroy_does_not_wait	src/future/shared.rs	let stop = state.is_destroyed() && !state.is_closed();	let stop = false;
future_promises	a_destroy_does_not_wait	src/future/worker.rs	_ if self.shared.is_destroyed() => Ok(None),	_ if false => Ok(None),
future_promises	a_destroy_that_is_not_polled	src/future/writable.rs	drop(self.writer.shared().call(|core| core.destroy(reason)));	drop(reason);
future_promises	an_end_that_is_not_polled	src/future/writable.rs	let accepted = self.end_now(chunk);	let accepted = { drop(chunk); Ok::<(), WriteError<Chunk>>(()) };
future_promises	a_poll_of_the_worker_ends	src/future/worker.rs	let mut turns = TURNS_A_POLL;	let mut turns = u32::MAX;
future_promises	no_waker_is_woken_or_dropped	src/future/shared.rs	return waiter.waker.replace(waker);	drop(waiter.waker.replace(waker)); return None;
future_promises	a_pipe_whose_worker	src/adapter/core.rs	Some(_) => Cause::Fault(Fault::Destroyed),	Some(_) => Cause::Fault(Fault::TooLong),
future_promises	who_was_woken	src/future/shared.rs	if waiter.waker.is_some() {	if true {
future_promises	an_interrupted_close	src/future/worker.rs	Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {	Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Other => {
future_promises	a_flush_covers	src/future/io.rs	if mem::take(self.wrote.get_mut()) {	if false {
future_promises	a_flush_covers	src/future/io.rs	*self.wrote.get_mut() = true;	
future_promises	a_pipe_that_is_not_polled	src/future/pipe.rs	self.discards(true);	
tokio	one_lakh_lines	src/future/worker.rs	ready!(sink.poll_write_vectored(cx, &slices)).map(Some)	ready!(sink.poll_write_vectored(cx, &slices)).map(|count| Some(count - 1))
tokio	a_slow_reader	src/future/shared.rs	awake.extend(waiter.waker.take());	drop(waiter.waker.take());
tokio	the_end_shuts_the_socket_down	src/tokio.rs	Pin::new(&mut self.0).poll_shutdown(cx)	Pin::new(&mut self.0).poll_flush(cx)
tokio	a_peer_that_goes_away	src/adapter/desk.rs	desk.put_back(&mut rest);	
tokio	a_source_of_tokio_is_piped	src/tokio.rs	poll.map_ok(|()| buffer.filled().len())	poll.map_ok(|()| buffer.filled().len().min(100))
tokio	a_runtime_that_shuts_down	src/future/worker.rs	drop(core.destroy(None));	
invariants	tokio	src/adapter/desk.rs	desk.put_back(&mut rest);	
invariants	future	src/adapter/core.rs	desk.delivered >= position)	desk.delivered + 1 >= position)
log	every_line_of_four_threads	src/log/mod.rs	WhenFull::Wait => self.writer.write_when_room(bytes).is_ok(),	WhenFull::Wait => self.writer.write_if_room(bytes).unwrap_or(false),
log	a_full_disk_is_told_once	src/log/mod.rs	self.dropped.fetch_add(1, Ordering::Relaxed);	
log	lines_are_dropped_and_counted	src/log/mod.rs	WhenFull::Drop => self.writer.write_if_room(bytes).unwrap_or(false),	WhenFull::Drop => self.writer.write(bytes).is_ok(),
log	a_destroy_hands_the_rest_back	src/log/mod.rs	self.stream.destroy()	Remains { unsent: alloc::vec::Vec::new(), ..self.stream.destroy() }
log	a_sink_that_logs_into_its_own_log	src/log/mod.rs	WhenFull::Wait if self.is_worker() =>	WhenFull::Wait if false =>
log	a_file_moved_away	src/log/reopen.rs	self.file = file;	drop(file);
log	a_line_that_was_begun	src/log/reopen.rs	if self.within_line {	if false {
log	where_nothing_can_be_opened	src/log/reopen.rs	if let Ok(file) = open(&self.path) {	self.asked.done.store(asked, Ordering::Release); if let Ok(file) = open(&self.path) {
thread	dropping_the_stream_may	src/thread/writable.rs	self.discard(|now| Some(out_of_time(now)));	self.discard(|_| None);
future	whatever_is_dropped	src/future/io.rs	let write = |core: &mut Core| core.write_piece(bytes);	let write = |core: &mut Core| core.write_piece(bytes).map(|count| count.saturating_sub(1));
future_promises	an_end_that_is_not_polled	src/future/writable.rs	self.discards = false;	
thread_failures	an_interrupted_flush_does	src/thread/worker.rs	guard(|| flush(sink, &self.stop))	guard(|| flush(sink, &AtomicBool::new(false)))
host	a_runtime_is_notified	src/driver/ticks.rs	self.host.deferred();	
host	a_batch_that_no_host_takes	src/driver/mod.rs	stream.written(Err(Fault::NotImplemented));	stream.written(Ok(()));
host	a_batch_that_no_host_takes	src/driver/mod.rs	Self::unsent(stream, chunk);	drop(chunk);
traces	several_streams_do	src/driver/ticks.rs	self.defer(callback, Err(fault));	self.ticks.push_back(Tick::Callback(callback, Err(fault)));
embedded	every_line_arrives	examples/embedded.rs	self.first = (self.first + 1) % N;	
embedded	every_line_arrives	examples/embedded.rs	*sent += 1;	*sent += 2;
embedded	every_line_arrives	examples/embedded.rs	self.put(Input::Run(task), None);	drop(task);
numbers	ctrl_c_destroys	examples/numbers.rs	ctrlc::set_handler(move || drop(interrupt.send(None)))?;	drop(interrupt);
numbers	ctrl_c_destroys	examples/numbers.rs	(remains.totals.written, remains.in_doubt)	(remains.totals.accepted, remains.in_doubt)
FAULTS
[ "$failed" = 0 ]
