'use strict';
// The properties of `_writableState` that Node's own modules, and others, read or set.

const { AUTO_DESTROY, CALL, EMIT_CLOSE, FLAG, OBJECTS, REPORT, ...machine } = require('./machine.js');
const { bits: bitsOfNode, kState } = require('./runtime.js');
const { drive, put } = require('./driver.js');
const { BIT, WritableState, head } = require('./state.js');

const getters = {
  length: (core) => machine.length(core.looked()),
  pendingcb: (core) => machine.pending(core.looked()),
  needDrain: (core) => core.is(FLAG.OWES_DRAIN),
  ending: (core) => core.is(FLAG.ENDED),
  ended: (core) => core.is(FLAG.ENDED),
  finished: (core) => core.is(FLAG.FINISHED),
  closed: (core) => core.is(FLAG.CLOSED),
  writing: (core) => core.is(FLAG.WRITING),
  constructed: (core) => !core.has(machine.CONSTRUCT) || core.has(BIT.CONSTRUCTED),
  buffered: (core) => buffer(core),
  bufferedRequestCount: (core) => {
    core.looked();
    return core.queue === null ? 0 : core.queue.length - core.at;
  },
};

// A caller that sets one of these properties reads its own value from then on.
for (const [name, get] of Object.entries(getters)) {
  Object.defineProperty(WritableState.prototype, name, {
    get() { return get(this); },
    set(value) {
      Object.defineProperty(this, name, { value, writable: true, configurable: true });
    },
    configurable: true,
  });
}

for (const [name, bit] of [['objectMode', OBJECTS], ['autoDestroy', AUTO_DESTROY], ['emitClose', EMIT_CLOSE],
  ['decodeStrings', BIT.DECODE]]) {
  Object.defineProperty(WritableState.prototype, name, {
    get() { return this.has(bit); },
    set(on) { configure(this, bit, on); },
    configurable: true,
  });
}

// An option changes while the stream is open.
function configure(core, bit, on) {
  core.set(bit, on);
  if (core.slot !== 0) machine.configure(core.settled(), core.bits & 127, core.mark);
}

function buffer(core) {
  core.looked();
  return core.queue === null ? [] : core.queue.slice(core.at);
}

// What Node's modules do when a stream fails without autoDestroy: they set `errored` and
// `errorEmitted`, and emit 'error' themselves. For the machine these are the steps of a
// failure. Of a stream that would destroy itself they call `destroy` instead: then nothing
// follows from what they set.
function fails(core, kind, fault) {
  const report = machine.resume(core.settled(), kind, fault, head(core));
  if ((report & REPORT.SELF) !== 0) {
    machine.undo(core.slot);
    return;
  }
  core.bits |= BIT.SILENT;
  drive(core, report, null);
  core.bits &= ~BIT.SILENT;
}

// What a program sees that prints a stream or writes it to a log: what Node's state shows.
function shown() {
  const { highWaterMark, length, corked, pendingcb, objectMode, writing, ending, finished, closed, destroyed } = this;
  return { highWaterMark, length, corked, pendingcb, objectMode, writing, ending, finished, closed, destroyed };
}

Object.defineProperties(WritableState.prototype, {
  toJSON: { value: shown, writable: true, configurable: true },
  [Symbol.for('nodejs.util.inspect.custom')]: { value: shown, writable: true, configurable: true },
  getBuffer: { value: function getBuffer() { return buffer(this); }, writable: true, configurable: true },
  // Node's modules set it to 1, and uncork once more.
  corked: {
    get() { return machine.corked(this.looked()); },
    set(corked) {
      const more = corked - this.corked;
      for (let n = 0; n < more; n += 1) put(this, CALL.CORK, 0);
      for (let n = 0; n > more; n -= 1) put(this, CALL.UNCORK, 0);
    },
    configurable: true,
  },
  highWaterMark: {
    get() { return this.mark; },
    set(mark) {
      this.mark = mark;
      if (this.slot !== 0) machine.configure(this.settled(), this.bits & 127, mark);
    },
    configurable: true,
  },
  defaultEncoding: {
    get() { return this.rare === null ? 'utf8' : this.rare.encoding; },
    set(encoding) { this.seldom.encoding = encoding === 'utf-8' ? 'utf8' : encoding; },
    configurable: true,
  },
  errored: {
    get() { return this.error(machine.errored(this.looked())); },
    set(error) { if (error) fails(this, machine.THEN_FAIL, this.fault(error)); },
    configurable: true,
  },
  errorEmitted: {
    get() { return this.has(BIT.ERROR_EMITTED); },
    set(emitted) {
      this.set(BIT.ERROR_EMITTED, emitted);
      if (emitted) fails(this, machine.THEN_TELL_ERROR, machine.errored(this.settled()));
    },
    configurable: true,
  },
  destroyed: {
    get() { return this.is(FLAG.DESTROYED); },
    // As in Node, nothing follows from it: the caller does that.
    set(destroyed) {
      if (destroyed === this.destroyed) return;
      if (!destroyed) this.reopen();
      else machine.call(this.settled(), CALL.DESTROY, 0, -1);
    },
    configurable: true,
  },
  writable: {
    get() { return this.has(BIT.SET_WRITABLE) ? !this.has(BIT.SET_UNWRITABLE) : undefined; },
    set(writable) {
      this.set(BIT.SET_WRITABLE, writable != null);
      this.set(BIT.SET_UNWRITABLE, writable != null && !writable);
    },
    configurable: true,
  },
});

if (kState !== undefined) {
  Object.defineProperty(WritableState.prototype, kState, {
    get() {
      return (this.autoDestroy ? bitsOfNode.autoDestroy : 0) | (this.destroyed ? bitsOfNode.destroyed : 0) |
        (this.errored ? bitsOfNode.errored : 0) | (this.errorEmitted ? bitsOfNode.errorEmitted : 0);
    },
    set(bits) {
      if ((bits & bitsOfNode.errorEmitted) !== 0 && !this.errorEmitted) this.errorEmitted = true;
    },
    configurable: true,
  });
}
