'use strict';
// `write`: is it a chunk, and then one of three ways: on the lease to write, on the lease to
// queue, or by a step of the machine.

const { Buffer } = require('buffer');
const machine = require('./machine.js');
const { invalidChunk, nullValue, unknownEncoding } = require('./errors.js');
const { ANSWERED, ANSWERED_DEFERRED, CALLING, GIVEN, QUEUED_CALLBACK, beginQueue, settleCounts } = require('./leases.js');
const { completion, drive } = require('./driver.js');
const { append, nop } = require('./queue.js');
const { refusesBuffer } = require('./runtime.js');
const { BIT } = require('./state.js');

const { EFFECT, OBJECTS, REPORT } = machine;

// Writes a chunk. Returns the answer, true or false, or the fault if it was refused.
function write(core, chunk, encoding, callback) {
  if (chunk === null) throw nullValue();
  if ((core.bits & OBJECTS) !== 0) return accept(core, chunk, encoding, 1, callback);
  if (!encoding) encoding = core.rare === null ? 'utf8' : core.rare.encoding;
  else if (encoding !== 'buffer' && !Buffer.isEncoding(encoding)) throw unknownEncoding(encoding);
  if (typeof chunk === 'string') {
    const decodes = (core.bits & BIT.DECODE) !== 0;
    if (encoding === 'buffer' && (decodes || refusesBuffer)) throw unknownEncoding(encoding);
    if (decodes) {
      chunk = Buffer.from(chunk, encoding);
      encoding = 'buffer';
    }
  } else {
    if (!(chunk instanceof Buffer)) chunk = viewed(chunk);
    encoding = 'buffer';
  }
  return accept(core, chunk, encoding, chunk.length, callback);
}

function viewed(chunk) {
  if (!ArrayBuffer.isView(chunk)) throw invalidChunk(chunk);
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function accept(core, chunk, encoding, length, callback) {
  if (core.lease > 0) return writeOnLease(core, chunk, encoding, length, callback);
  if (core.credit >= length) return queueOnLease(core, chunk, encoding, length, callback);
  return writeByStep(core, chunk, encoding, length, callback);
}

// On `State::lease_to_write`: a write that the sink answers within its call with ok leaves
// nothing behind but its deferred callback, and its answer is true. If anything else happens
// during the call, `settle` has put it in, and it goes on by steps.
function writeOnLease(core, chunk, encoding, length, callback) {
  const left = core.lease - 1;
  core.lease = GIVEN;
  core.given = length;
  core.flight = callback;
  core.stream._write(chunk, encoding, completion(core));
  const { lease } = core;
  if (lease > ANSWERED || lease === CALLING) return returned(core);
  core.lease = left;
  if (lease !== ANSWERED) {
    // Writes are settled before callbacks; what was called before goes first.
    if (core.called !== 0) settleCounts(core);
    core.written = core.written + 2 | (lease === ANSWERED_DEFERRED ? 1 : 0);
  }
  return true;
}

// On `State::lease_to_queue`: each of these writes would be queued, and its answer is that of
// the write before it.
function queueOnLease(core, chunk, encoding, length, callback) {
  core.credit -= length;
  if (callback !== null) core.bits |= BIT.HAS_CALLBACK | QUEUED_CALLBACK;
  if (encoding !== 'buffer') core.bits |= BIT.NOT_ALL_BUFFERS;
  core.queue.push({ chunk, encoding, callback: callback === null ? nop : callback });
  return (core.bits & BIT.ROOM) !== 0;
}

function writeByStep(core, chunk, encoding, length, callback) {
  const slot = core.settled();
  const report = machine.write(slot, length, callback === null ? 0 : 1);
  switch (report & REPORT.EFFECT) {
    case EFFECT.WRITE_GIVEN:
      core.flight = callback;
      core.given = length;
      core.stream._write(chunk, encoding, completion(core));
      return returned(core);
    case EFFECT.QUEUE: {
      append(core, chunk, encoding, callback);
      const room = (report & REPORT.ROOM) !== 0;
      core.set(BIT.ROOM, room);
      beginQueue(core, machine.memory.words[0]);
      return room;
    }
    default: { // refused
      const fault = machine.memory.words[2];
      drive(core, report, callback);
      return fault;
    }
  }
}

// The sink's call of a direct write has returned.
function returned(core) {
  const report = machine.returned(core.settled());
  core.lease = report >>> 1;
  return (report & 1) !== 0;
}

module.exports = { write };
