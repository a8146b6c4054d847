'use strict';
// The loop: input, step, effect, continuation. It performs what the machine says, and keeps
// what the machine only counts.

const machine = require('./machine.js');
const { aggregate } = require('./errors.js');
const { ANSWERED, ANSWERED_DEFERRED, ANSWERED_JOINED, CALLING, FLUSHING, GIVEN, beginFlush } = require('./leases.js');
const { emptied, give, nop, pop } = require('./queue.js');
const { ofDuplex } = require('./runtime.js');
const { BIT, coreOf, head } = require('./state.js');

const { CALL, EFFECT, QUIRKS, REPORT, memory } = machine;
// Its `nextTick` is looked for at each call, as in Node: a program may put its own there.
const host = process;

// Puts in an input without a chunk.
function put(core, which, fault) {
  drive(core, machine.call(core.settled(), which, fault, head(core)), null);
}

// Performs the effect of a step, and goes on with what comes after it. `held` are the
// callbacks that the input brought along, until an effect takes them.
function drive(core, first, held) {
  for (let report = first; (report & (REPORT.EFFECT | REPORT.THEN | REPORT.SELF)) !== 0;) {
    if ((report & REPORT.SELF) !== 0 && core.stream.destroy !== destroy) {
      destroyByItsOwn(core);
      return;
    }
    if ((report & REPORT.LAST) !== 0) {
      callLast(core, held);
      return;
    }
    const { words } = memory;
    const goesOn = (report & REPORT.THEN) !== 0;
    const kind = words[0];
    const number = words[1];
    held = core.rare === null
      ? perform(core, report, words[2], words[3], held)
      : performHolding(core, report, words[2], words[3], held);
    if (!goesOn) return;
    report = machine.resume(core.settled(), kind, number, head(core));
  }
}

// Calls the last callback of a write, on the lease to call: nothing follows it. If it does
// anything with the stream, it goes on by steps.
function callLast(core, held) {
  core.lease = CALLING;
  callBack(held, null);
  if (core.lease === CALLING) core.lease = 0;
  else drive(core, machine.called(core.settled(), 0, head(core)), held);
}

// Performs one effect. The continuation may have an error of the table, also if user code throws.
function performHolding(core, report, fault, other, held) {
  const { errors } = core.rare;
  errors.held += 1;
  try {
    return perform(core, report, fault, other, held);
  } finally {
    errors.held -= 1;
  }
}

// Performs one effect. Returns what it has not taken of the callbacks.
function perform(core, report, fault, other, held) {
  const { stream } = core;
  switch (report & REPORT.EFFECT) {
    case EFFECT.REFUSE: return refuse(core, fault, held);
    case EFFECT.WRITE_HEAD: writeHead(core); return held;
    case EFFECT.WRITE_BATCH: writeBatch(core); return held;
    case EFFECT.CONSTRUCT: construct(core); return held;
    case EFFECT.FINALIZE: finalize(core); return held;
    case EFFECT.DESTROY: callDestroy(core, aggregate(core.error(other), core.error(fault))); return held;
    case EFFECT.DRAIN: stream.emit('drain'); return held;
    case EFFECT.PREFINISH: stream.emit('prefinish'); return held;
    case EFFECT.FINISH: stream.emit('finish'); return held;
    case EFFECT.ERROR: emitError(core, fault); return held;
    case EFFECT.CLOSE: stream.emit('close'); return held;
    case EFFECT.CALLBACK: callBack(held, fault === 0 ? null : rejection(core, fault, 'write')); return held;
    case EFFECT.REJECT_TAKEN: rejectTaken(core, fault); return held;
    case EFFECT.REJECT_HEAD: pop(core).callback(rejection(core, fault, 'write')); return held;
    case EFFECT.FAIL_HEAD: failHead(core, fault); return held;
    case EFFECT.KEEP_END: (core.seldom.ends ??= []).push(held); return null;
    case EFFECT.DEFER_END: host.nextTick(held, rejection(core, fault, 'end')); return null;
    case EFFECT.CALL_ENDS: callEnds(core, fault); return held;
    case EFFECT.DEFER: return defer(core, fault, other, held);
    case EFFECT.DEFER_AFTER_WRITE: return deferAfterWrite(core, report, held);
    default: return held; // nothing, or 'open', which Node's streams do not emit
  }
}

// The error for a callback.
function rejection(core, fault, operation) {
  return core.seldom.errors.rejection(fault, core.slot, operation);
}

function refuse(core, fault, held) {
  const error = core.seldom.errors.refusal(fault, core.slot);
  if (held !== null) host.nextTick(held, error);
  return null;
}

function emitError(core, fault) {
  if (core.has(BIT.SILENT)) return;
  core.bits |= BIT.ERROR_EMITTED;
  core.stream.emit('error', core.error(fault));
}

// The callbacks of the chunks of one batch.
class Batch {
  constructor(chunks) {
    this.chunks = chunks;
  }
}

// Calls a callback or those of a batch.
function callBack(held, error) {
  if (held === null) return;
  if (typeof held === 'function') {
    held(error);
    return;
  }
  const { chunks } = held;
  if (chunks === null) return;
  held.chunks = null;
  for (let n = 0; n < chunks.length; n++) chunks[n].callback(error);
}

function rejectTaken(core, fault) {
  const held = core.flight;
  core.flight = null;
  callBack(held, rejection(core, fault, 'write'));
}

// In Node a head that fails, fails as if the sink had answered so at once.
function failHead(core, fault) {
  const { callback } = pop(core);
  const has = callback !== nop;
  core.error(fault);
  const kind = machine.TASK_WRITE_FAILED | (has ? machine.TASK_HAS_CALLBACK : 0);
  defer(core, kind, fault, has ? callback : null);
}

function callEnds(core, fault) {
  const { ends } = core.rare;
  core.rare.ends = null;
  const error = fault === 0 ? null : rejection(core, fault, 'end');
  for (const callback of ends) callback(error);
}

function writeHead(core) {
  const { chunk, encoding } = give(core);
  core.stream._write(chunk, encoding, completion(core));
}

function writeBatch(core) {
  const { queue, at } = core;
  const callbacks = core.has(BIT.HAS_CALLBACK);
  // The sink may change the array that it is given, so the callbacks are kept apart.
  const chunks = callbacks || at !== 0 ? queue.slice(at) : queue;
  chunks.allBuffers = !core.has(BIT.NOT_ALL_BUFFERS);
  const batch = new Batch(callbacks ? (at === 0 ? queue : queue.slice(at)) : []);
  emptied(core);
  core.flight = batch;
  core.given = A_BATCH;
  core.stream._writev(chunks, completion(core));
  if (core.queue !== null && core.has(QUIRKS)) lose(core, batch);
}

// WRITEV_LOSES: what was queued meanwhile is lost. Its callbacks are called with those of
// the batch, if the machine calls those.
function lose(core, batch) {
  core.settled();
  const lost = core.at === 0 ? core.queue : core.queue.slice(core.at);
  emptied(core);
  if (batch.chunks === null) return;
  for (const one of lost) batch.chunks.push(one);
}

// More than any lease to flush is on, which is for chunks that the sink gets one by one.
const A_BATCH = 1 << 30;

// What the sink calls when it has written: as in Node one function for all calls, or one for
// each, which knows whether it has been called before.
function completion(core) {
  if ((core.bits & BIT.ONCE) !== 0) return completionOnce(core);
  return core.onwrite ?? completionOfAll(core);
}

// A bound function takes half the memory of a closure.
function completionOfAll(core) {
  core.onwrite = answered.bind(core);
  return core.onwrite;
}

function answered(error) {
  written(this, error, false);
}

function completionOnce(core) {
  let again = false;
  return (error) => {
    const before = again;
    again = true;
    written(core, error, before);
  };
}

// The sink has answered.
function written(core, error, again) {
  if (core.lease === GIVEN && !error && !again) core.lease = answeredAtOnce(core);
  else if (core.queue !== null && !error && !again && mayFlush(core)) flushOnLease(core);
  else writtenByStep(core, error, again);
}

function writtenByStep(core, error, again) {
  const slot = core.settled();
  const report = error || again
    ? machine.written(slot, core.fault(error), again ? 1 : 0, head(core))
    : machine.written_ok(slot, head(core));
  drive(core, report, taken(core, report));
}

function taken(core, report) {
  if ((report & REPORT.TAKEN) === 0) return null;
  const held = core.flight;
  core.flight = null;
  return held;
}

// The lease to flush (`State::lease_to_flush`), if this answer is on it. With a `_writev` of
// which the machine does not know yet, it is not.
function mayFlush(core) {
  if (core.lease !== 0 || core.stream._writev) return false;
  if (core.flush < 0) beginFlush(core, machine.lease_to_flush(core.settled()));
  return core.flush >= core.given;
}

// An answer on the lease to flush gives the next chunk to the sink, and then calls the callback
// of the write that was answered. If anything else happens during a call, `settle` has put in
// what was done until then, and it goes on by steps.
function flushOnLease(core) {
  const { chunk, encoding } = core.queue[core.at];
  const held = core.flight;
  core.lease = FLUSHING;
  core.stream._write(chunk, encoding, completion(core));
  if (core.lease !== FLUSHING) {
    drive(core, machine.flushed(core.settled(), held === null ? 0 : 1, head(core)), held);
    return;
  }
  core.flush -= core.given;
  core.flushed += 1;
  give(core);
  callLast(core, held);
}

// On the lease to write (`State::lease_to_write`): nothing comes of the answer but the
// deferred callback, if there is one.
function answeredAtOnce(core) {
  const callback = core.flight;
  if (callback === null) return ANSWERED;
  core.flight = null;
  if (core.tick !== null && core.tick.held === callback) {
    core.tick.count += 1;
    return ANSWERED_JOINED;
  }
  new AfterWrite(core, callback).wait();
  return ANSWERED_DEFERRED;
}

// What follows writes that were answered at once. Those with the same callback share one.
class AfterWrite {
  constructor(core, held) {
    this.core = core;
    this.held = held;
    this.count = 1;
  }

  wait() {
    if (this.held !== null) this.core.tick = this;
    host.nextTick(runAfterWrite, this);
  }
}

function deferAfterWrite(core, report, held) {
  if ((report & REPORT.CALLBACK) === 0) {
    new AfterWrite(core, null).wait();
    return held;
  }
  // Rule 10: a further one may join the latest that waits, if the callback is the same.
  if (core.tick !== null && core.tick.held === held && typeof held === 'function') {
    core.tick.count += 1;
    if ((report & REPORT.UNCOUNTED) !== 0) machine.call(core.slot, CALL.JOINED, 0, -1);
  } else {
    new AfterWrite(core, held).wait();
  }
  return null;
}

function runAfterWrite(tick) {
  const { core, held, count } = tick;
  if (held !== null) {
    core.tick = null;
    if (typeof held === 'function' && mayCall(core, count)) {
      callOnLease(core, held, count);
      return;
    }
  }
  const slot = core.settled();
  drive(core, machine.run_after_write(slot, count, held === null ? 0 : 1, head(core)), held);
}

// The lease to call (`State::lease_to_call`). The lease to write says as much: it is on
// streams that are writable and owe no drain, and its writes are pending.
function mayCall(core, count) {
  if (core.lease > 0) return true;
  return count > 1 && machine.lease_to_call(core.settled()) >= count;
}

// Calls deferred callbacks on the lease to call. If one of them does anything with the
// stream, those so far are settled at that moment, and the rest go by steps.
function callOnLease(core, callback, count) {
  const lease = core.lease;
  core.lease = CALLING;
  for (let left = count - 1; left >= 0; left--) {
    core.called += 1;
    callback(null);
    if (core.lease !== CALLING) {
      drive(core, machine.called(core.settled(), left, head(core)), callback);
      return;
    }
  }
  core.lease = lease;
}

// Appends a task to the ticks, with the callbacks that it will want.
function defer(core, kind, number, held) {
  const takes = (kind & 7) === machine.TASK_WRITE_FAILED;
  if (core.rare !== null) core.rare.errors.held += 1;
  host.nextTick(run, core, kind, number, takes ? held : null);
  return takes ? null : held;
}

function run(core, kind, number, held) {
  if (core.rare !== null) core.rare.errors.held -= 1;
  drive(core, machine.run(core.settled(), kind, number, head(core)), held);
}

// The hooks. A throw of one is its answer.
function construct(core) {
  const answer = (error) => {
    core.bits |= BIT.CONSTRUCTED;
    put(core, CALL.CONSTRUCTED, core.fault(error));
  };
  try {
    core.stream._construct(answer);
  } catch (error) {
    answer(error);
  }
}

function finalize(core) {
  const answer = (error) => put(core, CALL.FINALIZED, core.fault(error));
  try {
    core.stream._final(answer);
  } catch (error) {
    answer(error);
  }
}

// The stream destroys itself, and has a `destroy` of its own, as a subclass may have. Node calls
// that. So the step is undone, and the machine destroys the stream if that `destroy` says so.
function destroyByItsOwn(core) {
  const { stream } = core;
  const error = core.error(machine.undo(core.slot));
  if (error === null) stream.destroy();
  else stream.destroy(error);
}

// `destroy`, unless a subclass has its own.
function destroy(error, callback) {
  const core = coreOf(this);
  if (core === null) return ofDuplex.destroy.call(this, error, callback);
  if (core.destroyed) {
    if (typeof callback === 'function') callback();
    return this;
  }
  if (typeof callback === 'function') core.seldom.afterDestroy = callback;
  put(core, CALL.DESTROY, core.fault(error));
  return this;
}

function callDestroy(core, error) {
  let answered = false;
  const answer = (other) => {
    if (answered) return;
    answered = true;
    closed(core, other);
  };
  try {
    core.stream._destroy(error || null, answer);
  } catch (thrown) {
    answer(thrown);
  }
}

// `_destroy` has answered: the stream is closed, then the callback of `destroy` is called,
// and then 'close' is deferred.
function closed(core, error) {
  const report = machine.call(core.settled(), CALL.DESTROYED, core.fault(error), -1);
  const kind = memory.words[2];
  const number = memory.words[3];
  const callback = core.rare?.afterDestroy;
  if (callback) {
    core.rare.afterDestroy = null;
    callback(error);
  }
  if ((report & REPORT.EFFECT) === EFFECT.DEFER) defer(core, kind, number, null);
}

module.exports = { completion, destroy, drive, put };
