'use strict';
// The face: the Writable of Node, property by property.

const { Buffer } = require('buffer');
const stream = require('stream');
const { captureRejectionSymbol } = require('events');
const machine = require('./machine.js');
const { aborted, cannotPipe, noMethod, unknownEncoding } = require('./errors.js');
const { destroyMethod, drive, put } = require('./driver.js');
const { disposal } = require('./runtime.js');
const { WritableState, head } = require('./state.js');
const { write } = require('./write.js');
require('./properties.js');

const { CALL, CONSTRUCT, FLAG, OBJECTS, THEN_FAIL } = machine;
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
    value: function (one) { return isInstance(Writable, this, one); },
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

function fail(writable, error) {
  const core = writable._writableState;
  drive(core, machine.resume(core.settled(), THEN_FAIL, core.fault(error), head(core)), null);
}

const methods = {
  pipe() {
    fail(this, cannotPipe());
  },

  write(chunk, encoding, callback) {
    if (typeof encoding === 'function') {
      callback = encoding;
      encoding = null;
    }
    return write(this._writableState, chunk, encoding, typeof callback === 'function' ? callback : null) === true;
  },

  cork() {
    put(this._writableState, CALL.CORK, 0);
  },

  uncork() {
    put(this._writableState, CALL.UNCORK, 0);
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
    const core = this._writableState;
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
    const slot = core.settled();
    drive(core, machine.end(slot, refused, held === null ? 0 : 1, head(core)), held);
    return this;
  },

  destroy: destroyMethod,

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
      return core ? get(core) : otherwise;
    },
    set: set && function (value) {
      if (this._writableState) set(this._writableState, value);
    },
  };
}

module.exports = { makeWritable };
