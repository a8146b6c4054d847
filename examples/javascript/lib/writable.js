'use strict';
// The face: the Writable of Node, property by property.

const { Buffer } = require('buffer');
const stream = require('stream');
const { captureRejectionSymbol } = require('events');
const machine = require('./machine.js');
const { aborted, cannotPipe, noMethod, unknownEncoding } = require('./errors.js');
const { destroy, drive, put } = require('./driver.js');
const { disposal, ofDuplex } = require('./runtime.js');
const { WritableState, coreOf, head } = require('./state.js');
const { write } = require('./write.js');
require('./properties.js');

const { CALL, CONSTRUCT, FAULT, FLAG, OBJECTS, THEN_FAIL } = machine;
const Base = stream.Stream;

// Makes the class of a profile.
function makeWritable(profile) {
  function Writable(options) {
    if (!(this instanceof Writable)) return new Writable(options);
    // As Node does, so that the usual events share one shape.
    this._events ??= { close: undefined, error: undefined, prefinish: undefined, finish: undefined, drain: undefined };
    this._writableState = new WritableState(options, this, profile);
    if (options) takeHooks(this, options);
    Base.call(this, options);
    if (typeof this._construct === 'function') {
      this._writableState.bits |= CONSTRUCT;
      put(this._writableState, CALL.START, 0);
    }
  }
  Object.setPrototypeOf(Writable, Base);
  Writable.prototype = Object.create(Base.prototype, {
    constructor: { value: Writable, writable: true, configurable: true },
  });
  Object.assign(Writable.prototype, methods);
  Object.defineProperties(Writable.prototype, properties);
  Object.defineProperty(Writable, Symbol.hasInstance, {
    value: { [Symbol.hasInstance](one) { return isInstance(Writable, this, one); } }[Symbol.hasInstance],
  });
  Writable.WritableState = WritableState;
  return Writable;
}

function takeHooks(writable, options) {
  if (typeof options.write === 'function') writable._write = options.write;
  if (typeof options.writev === 'function') writable._writev = options.writev;
  if (typeof options.destroy === 'function') writable._destroy = options.destroy;
  if (typeof options.final === 'function') writable._final = options.final;
  if (typeof options.construct === 'function') writable._construct = options.construct;
  if (options.signal) stream.addAbortSignal(options.signal, writable);
}

// As in Node, a Duplex is a Writable as well.
function isInstance(Writable, asked, one) {
  if (Function.prototype[Symbol.hasInstance].call(asked, one)) return true;
  return asked === Writable && (one instanceof stream.Duplex ||
    one?._writableState instanceof WritableState);
}

// An `uncork` of a subclass takes the corks off at the end, as in Node.
function uncorkByItsOwn(writable, core) {
  if (core.corked === 0) return;
  core.corked = 1;
  writable.uncork();
}

function fail(core, fault) {
  drive(core, machine.resume(core.settled(), THEN_FAIL, fault, head(core)), null);
}

// A chunk past the limit leaves the stream as it is, and its callback gets the error. Without one
// no caller would know that the chunk is lost, so the stream fails.
const methods = {
  pipe() {
    const core = this._writableState;
    fail(core, core.fault(cannotPipe()));
  },

  write(chunk, encoding, callback) {
    const core = coreOf(this);
    if (core === null) return ofDuplex.write.call(this, chunk, encoding, callback);
    if (typeof encoding === 'function') {
      callback = encoding;
      encoding = null;
    }
    const held = typeof callback === 'function' ? callback : null;
    const answer = write(core, chunk, encoding, held);
    if (answer === FAULT.TOO_LONG && held === null) fail(core, answer);
    return answer === true;
  },

  cork() {
    const core = coreOf(this);
    if (core === null) ofDuplex.cork.call(this);
    else put(core, CALL.CORK, 0);
  },

  uncork() {
    const core = coreOf(this);
    if (core === null) ofDuplex.uncork.call(this);
    else put(core, CALL.UNCORK, 0);
  },

  setDefaultEncoding(encoding) {
    if (typeof encoding === 'string') encoding = encoding.toLowerCase();
    if (!Buffer.isEncoding(encoding)) throw unknownEncoding(encoding);
    this._writableState.defaultEncoding = encoding;
    return this;
  },

  _write(chunk, encoding, callback) {
    if (!this._writev) throw noMethod('_write()');
    this._writev([{ chunk, encoding }], callback);
  },

  _writev: null,

  end(chunk, encoding, callback) {
    const core = coreOf(this);
    if (core === null) return ofDuplex.end.call(this, chunk, encoding, callback);
    if (typeof chunk === 'function') {
      callback = chunk;
      chunk = null;
    } else if (typeof encoding === 'function') {
      callback = encoding;
      encoding = null;
    }
    const answer = chunk == null ? true : write(core, chunk, encoding, null);
    const refused = typeof answer === 'number' ? answer : 0;
    const held = typeof callback === 'function' ? callback : null;
    if (this.uncork !== methods.uncork) uncorkByItsOwn(this, core);
    const slot = core.settled();
    drive(core, machine.end(slot, refused, held === null ? 0 : 1, head(core)), held);
    if (refused === FAULT.TOO_LONG && held === null) fail(core, refused);
    return this;
  },

  destroy,

  _undestroy() {
    this._writableState.reopen();
  },

  _destroy(error, callback) {
    callback(error);
  },

  [captureRejectionSymbol](error) {
    this.destroy(error);
  },
};

if (disposal !== undefined) {
  methods[disposal] = async function () {
    if (!this.destroyed) this.destroy(this.writableFinished ? null : aborted());
    await new Promise((resolve, reject) => {
      stream.finished(this, (error) => (error && error.name !== 'AbortError' ? reject(error) : resolve(null)));
    });
  };
}

// What there is to read: of the state, or what Node says where there is none (the prototype).
const getters = {
  closed: [(core) => core.is(FLAG.CLOSED), false],
  destroyed: [(core) => core.destroyed, false],
  writable: [(core) => core.is(FLAG.WRITABLE) && core.writable !== false, false],
  writableFinished: [(core) => core.is(FLAG.FINISHED), false],
  writableObjectMode: [(core) => core.has(OBJECTS), false],
  writableBuffer: [(core) => core.getBuffer(), undefined],
  writableEnded: [(core) => core.is(FLAG.ENDED), false],
  writableNeedDrain: [(core) => core.is(FLAG.NEEDS_DRAIN), false],
  writableHighWaterMark: [(core) => core.mark, undefined],
  writableCorked: [(core) => core.corked, 0],
  writableLength: [(core) => core.length, undefined],
  errored: [(core) => core.errored, null],
  writableAborted: [(core) => core.is(FLAG.ABORTED) && core.writable !== false, false],
};

const setters = {
  destroyed: (core, destroyed) => { core.destroyed = !!destroyed; },
  writable: (core, writable) => { core.writable = !!writable; },
};

const properties = {};
for (const [name, [get, otherwise]] of Object.entries(getters)) {
  const set = setters[name];
  properties[name] = {
    get() {
      const core = this._writableState;
      if (core instanceof WritableState) return get(core);
      return core ? Reflect.get(ofDuplex, name, this) : otherwise;
    },
    set: set && function (value) {
      const core = this._writableState;
      if (core instanceof WritableState) set(core, value);
      else if (core) Reflect.set(ofDuplex, name, value, this);
    },
  };
}

module.exports = { makeWritable };
