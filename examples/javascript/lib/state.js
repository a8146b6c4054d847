'use strict';
// `_writableState`: what the driver keeps of a stream. The machine only counts chunks,
// callbacks and errors; here they are.

const { Buffer } = require('buffer');
const machine = require('./machine.js');
const { Errors, invalidOption, unknownEncoding } = require('./errors.js');
const { look, settle } = require('./leases.js');
const { HAS_CALLBACK, NOT_ALL_BUFFERS, measure } = require('./queue.js');
const { defaultMark } = require('./runtime.js');

const { AUTO_DESTROY, CONSTRUCT, EMIT_CLOSE, FINAL, OBJECTS, QUIRKS, WRITEV } = machine;

// The bits that a stream of the machine is created with.
const CREATED = 127;

// Bits of the driver's own, above those.
const BIT = {
  DECODE: 1 << 8, // strings become buffers
  HAS_CALLBACK,
  NOT_ALL_BUFFERS,
  SILENT: 1 << 11, // the caller that fails the stream emits 'error' itself
  SET_WRITABLE: 1 << 12, // the caller has set `writable`,
  SET_UNWRITABLE: 1 << 13, // to false
  ERROR_EMITTED: 1 << 14,
  CONSTRUCTED: 1 << 15, // `_construct` has answered
  ROOM: 1 << 17, // the answer of writes on the lease to queue
  ONCE: 1 << 16, // each call of the sink has a function of its own to answer
};

// A stream that is dropped gives its slot back.
const slots = new FinalizationRegistry(machine.release);

// What few streams need.
class Rare {
  // Begins with the options of another one, if there is one.
  constructor(before) {
    this.errors = new Errors();
    this.ends = null; // callbacks of `end` that wait for 'finish'
    this.afterDestroy = null; // the callback of `destroy`
    this.encoding = before?.encoding ?? 'utf8'; // of strings for which the caller names none
    this.low = before?.low ?? 0;
    this.limit = before?.limit ?? -1;
  }
}

class WritableState {
  constructor(options, stream, profile = { bits: QUIRKS, marks: false }) {
    this.stream = stream;
    this.slot = 0; // the machine's number of the stream
    this.bits = profile.bits | BIT.DECODE | AUTO_DESTROY | EMIT_CLOSE;
    this.mark = 0;
    this.rare = null;
    // The chunks that wait for the sink, from `at` on.
    this.queue = null;
    this.at = 0;
    // The callback of what the sink works on, or a Batch of them.
    this.flight = null;
    // The after-write that waits and that others may join.
    this.tick = null;
    // What the sink calls when it has written, if it is one function for all calls.
    this.onwrite = null;
    // What was done on leases: leases.js.
    this.lease = 0;
    this.given = 0; // the length of the chunk that the sink has
    this.written = 0; // writes with callbacks times 2, plus 1 if one was deferred
    this.called = 0; // callbacks
    this.credit = -1; // how much may be queued; below 0: no lease to queue
    this.flush = -1; // of how many bytes answers may bring the next chunk; below 0: no lease to flush
    this.flushed = 0; // answers
    this.settledCredit = 0; // `credit` or `flush`, and the length of the queue, when it was settled
    this.settledQueue = 0;
    if (options) take(this, options, profile);
    else this.mark = defaultMark(false);
  }

  // The machine's number of the stream, for a look.
  looked() {
    if (this.slot === 0) return open(this);
    look(this);
    return this.slot;
  }

  // The machine's number of the stream, for an input.
  settled() {
    if (this.slot === 0) return open(this);
    settle(this);
    return this.slot;
  }

  get seldom() {
    return this.rare ??= new Rare(null);
  }

  has(bit) {
    return (this.bits & bit) !== 0;
  }

  set(bit, on) {
    if (on) this.bits |= bit;
    else this.bits &= ~bit;
  }

  // One of the flags of the machine.
  is(flag) {
    return (machine.flags(this.looked()) & flag) !== 0;
  }

  // The machine's number of an error; 0 for none.
  fault(error) {
    return error ? this.seldom.errors.number(error, this.slot) : 0;
  }

  // The error of a number of the machine.
  error(fault) {
    return fault === 0 ? null : this.seldom.errors.of(fault);
  }

  // Makes everything as it was at first, without construction: `_undestroy`.
  reopen() {
    const slot = this.settled();
    this.bits &= ~(CONSTRUCT | BIT.ERROR_EMITTED);
    this.queue = this.flight = this.tick = null;
    this.at = 0;
    if (this.rare !== null) this.rare = new Rare(this.rare);
    machine.renew(slot, this.bits & CREATED, this.mark, this.rare?.low ?? 0, this.rare?.limit ?? -1);
  }
}

// The state of a stream, for one of its methods; null if it is of Node's own, as that of a Duplex.
// Hooks are looked for on the object that the method was called on, as in Node: an object made from
// the stream may have its own.
function coreOf(writable) {
  const core = writable._writableState;
  if (core.stream === writable) return core;
  if (!(core instanceof WritableState)) return null;
  core.stream = writable;
  return core;
}

// What Node's options say. The strict profile has two more.
function take(core, options, profile) {
  core.set(OBJECTS, options.objectMode);
  core.set(BIT.DECODE, options.decodeStrings !== false);
  core.set(EMIT_CLOSE, options.emitClose !== false);
  core.set(AUTO_DESTROY, options.autoDestroy !== false);
  const { defaultEncoding: encoding, highWaterMark: mark } = options;
  core.mark = mark == null ? defaultMark(core.has(OBJECTS)) : size('highWaterMark', mark);
  if (encoding != null) {
    if (!Buffer.isEncoding(encoding)) throw unknownEncoding(encoding);
    if (encoding !== 'utf8' && encoding !== 'utf-8') core.seldom.encoding = encoding;
  }
  if (!profile.marks) return;
  if (options.lowWaterMark != null) core.seldom.low = size('lowWaterMark', options.lowWaterMark);
  if (options.limit != null) core.seldom.limit = size('limit', options.limit);
}

function size(name, value) {
  if (!Number.isInteger(value) || value < 0) throw invalidOption(name, value);
  return value;
}

// The slot is made when something is first put in or looked at. Until then the stream is as
// `State::new` makes it, and costs no memory of the module.
function open(core) {
  core.bits = core.bits & ~(WRITEV | FINAL) | hooks(core.stream);
  const { low, limit } = core.rare ?? { low: 0, limit: -1 };
  core.slot = machine.create(core.bits & CREATED, core.mark, low, limit);
  slots.register(core, core.slot);
  return core.slot;
}

function hooks(stream) {
  return (stream._writev ? WRITEV : 0) | (typeof stream._final === 'function' ? FINAL : 0);
}

// The head of the queue, as the machine wants to know it before an input that may reach the
// queue. `_writev` and `_final` may have been assigned since the last one.
function head(core) {
  const now = hooks(core.stream);
  if (now !== (core.bits & (WRITEV | FINAL))) {
    core.bits = core.bits & ~(WRITEV | FINAL) | now;
    machine.hooks(core.slot, now);
  }
  return measure(core);
}

module.exports = { BIT, WritableState, coreOf, head };
