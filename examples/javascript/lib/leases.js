'use strict';
// What the driver does without the machine, and how it settles that. The law: after the
// settlement the state is the one that the single steps lead to, bit for bit (rule 25 of the
// contract, `src/machine/lease.rs`).

const {
  CALL,
  REPORT,
  call,
  settle_called: settleCalled,
  settle_flushed: settleFlushed,
  settle_queued: settleQueued,
  settle_written: settleWritten,
  write,
  written,
} = require('./machine.js');
const { give, measure } = require('./queue.js');

// A bit of `bits`: a chunk that was queued on the lease has a callback.
const QUEUED_CALLBACK = 1 << 18;

// `lease` of a stream. Above 0: so many writes may be given to the sink without the machine
// (`State::lease_to_write`). 0: none. Below 0: one thing is being done on a lease, and the
// machine knows nothing of it yet:
const GIVEN = -1; // the sink has a chunk, its call is on the stack
const ANSWERED = -2; // and it has answered ok: there is no callback,
const ANSWERED_JOINED = -3; // the callback was joined to a tick that waits,
const ANSWERED_DEFERRED = -4; // or it has a tick of its own
const CALLING = -5; // a callback is on the stack
const FLUSHING = -6; // the sink has the head of the queue, which is still in the queue

// Before any input: what was done on leases counts now, and they are over.
function settle(core) {
  if (core.written !== 0 || core.called !== 0) settleCounts(core);
  const doing = core.lease;
  core.lease = 0;
  if (core.flush >= 0) {
    settleFlush(core);
    core.flush = -1;
  }
  if (doing === FLUSHING) settleAnswer(core);
  else if (doing < 0 && doing !== CALLING) settleWrite(core, doing);
  if (core.credit >= 0) {
    settleQueue(core);
    core.credit = -1;
  }
}

// Before any look at the state. A look changes nothing, so the leases stay as they are; what
// is on the stack is another matter, for it is over once anything else happens.
function look(core) {
  if (core.lease < 0) {
    settle(core);
    return;
  }
  if (core.written !== 0 || core.called !== 0) settleCounts(core);
  if (core.credit >= 0) settleQueue(core);
  if (core.flush >= 0) settleFlush(core);
}

// Callbacks are called after they were deferred, so the writes come first.
function settleCounts(core) {
  if (core.written !== 0) {
    settleWritten(core.slot, core.written >>> 1, core.written & 1);
    core.written = 0;
  }
  if (core.called !== 0) {
    settleCalled(core.slot, core.called);
    core.called = 0;
  }
}

// Since the lease began, or was last settled, chunks were only appended.
function settleQueue(core) {
  const chunks = core.queue.length - core.settledQueue;
  const callback = (core.bits & QUEUED_CALLBACK) === 0 ? 0 : 1;
  if (chunks !== 0) settleQueued(core.slot, chunks, core.settledCredit - core.credit, callback);
  beginQueue(core, core.credit);
}

// The lease to queue is on so much.
function beginQueue(core, credit) {
  core.credit = core.settledCredit = credit;
  core.settledQueue = core.queue.length;
  core.bits &= ~QUEUED_CALLBACK;
}

// Since the lease began, or was last settled, the sink has answered and got the next chunk.
function settleFlush(core) {
  if (core.flushed !== 0) {
    const head = core.given * 2 + (core.flight === null ? 0 : 1);
    settleFlushed(core.slot, core.flushed, core.settledCredit - core.flush, head);
  }
  beginFlush(core, core.flush);
}

// The lease to flush is on so much.
function beginFlush(core, credit) {
  core.flush = core.settledCredit = credit;
  core.flushed = 0;
}

// The answer whose next chunk the sink has on the stack was none of the lease.
function settleAnswer(core) {
  written(core.slot, 0, 0, measure(core));
  give(core);
}

// The write that the sink has on the stack was none of the lease: the machine gets its steps
// now. Their effects are done already.
function settleWrite(core, doing) {
  const { slot } = core;
  const callback = doing === GIVEN ? core.flight !== null : doing !== ANSWERED;
  write(slot, core.given, callback ? 1 : 0);
  if (doing === GIVEN) return;
  const report = written(slot, 0, 0, -1);
  if (doing === ANSWERED_JOINED && (report & REPORT.UNCOUNTED) !== 0) {
    call(slot, CALL.JOINED, 0, -1);
  }
}

module.exports = {
  ANSWERED,
  ANSWERED_DEFERRED,
  ANSWERED_JOINED,
  CALLING,
  FLUSHING,
  GIVEN,
  QUEUED_CALLBACK,
  beginFlush,
  beginQueue,
  look,
  settle,
  settleCounts,
};
