'use strict';
// Errors with Node's names, codes and messages, and the table of a stream's errors: the
// machine knows them by number only.

const { format, inspect } = require('util');
const { FAULT, FLAG, errored, flags } = require('./machine.js');

// As in Node, the stack begins with the name and the code, and the name is without it. The stack
// is made when it is first read.
function make(Base, code, message) {
  const error = new Base(message);
  error.name = `${error.name} [${code}]`;
  Error.captureStackTrace?.(error, make);
  void error.stack;
  delete error.name;
  error.code = code;
  Object.defineProperty(error, 'toString', {
    value() { return `${this.name} [${code}]: ${this.message}`; },
    configurable: true,
    writable: true,
  });
  return error;
}

const destroyed = (operation) => make(Error, 'ERR_STREAM_DESTROYED',
  `Cannot call ${operation} after a stream was destroyed`);

const nullValue = () => make(TypeError, 'ERR_STREAM_NULL_VALUES', 'May not write null values to stream');

const noMethod = (name) => make(Error, 'ERR_METHOD_NOT_IMPLEMENTED', `The ${name} method is not implemented`);

const cannotPipe = () => make(Error, 'ERR_STREAM_CANNOT_PIPE', 'Cannot pipe, not readable');

function unknownEncoding(encoding) {
  return make(TypeError, 'ERR_UNKNOWN_ENCODING', format('Unknown encoding: %s', encoding));
}

function invalidOption(name, value) {
  let text = inspect(value);
  if (text.length > 128) text = `${text.slice(0, 128)}...`;
  return make(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.${name}' is invalid. Received ${text}`);
}

function invalidType(what, types, value) {
  return make(TypeError, 'ERR_INVALID_ARG_TYPE', `The ${what} must be ${types}. Received ${received(value)}`);
}

function invalidChunk(chunk) {
  return invalidType('"chunk" argument', 'of type string or an instance of Buffer, TypedArray, or DataView', chunk);
}

function received(value) {
  if (value == null) return `${value}`;
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') {
    if (value.constructor?.name) return `an instance of ${value.constructor.name}`;
    return inspect(value, { depth: -1 });
  }
  let text = inspect(value, { colors: false });
  if (text.length > 28) text = `${text.slice(0, 25)}...`;
  return `type ${typeof value} (${text})`;
}

class AbortError extends Error {
  constructor() {
    super('The operation was aborted');
    this.code = 'ABORT_ERR';
    this.name = 'AbortError';
  }
}

const aborted = () => new AbortError();

// As Node joins what construction failed with and what the stream was destroyed with.
function aggregate(inner, outer) {
  if (!inner || !outer || inner === outer) return inner || outer;
  if (Array.isArray(outer.errors)) {
    outer.errors.push(inner);
    return outer;
  }
  const error = new AggregateError([outer, inner], outer.message);
  error.code = outer.code;
  return error;
}

const MADE = {
  [FAULT.WRITE_AFTER_END]: () => make(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end'),
  [FAULT.DESTROYED]: () => destroyed('write'),
  [FAULT.ALREADY_FINISHED]: () => make(Error, 'ERR_STREAM_ALREADY_FINISHED',
    'Cannot call end after a stream was finished'),
  [FAULT.MULTIPLE_CALLBACK]: () => make(Error, 'ERR_MULTIPLE_CALLBACK', 'Callback called multiple times'),
  [FAULT.TOO_LONG]: () => make(Error, 'TOO_LONG', 'The chunk would pass the limit of the length'),
  [FAULT.NOT_IMPLEMENTED]: () => noMethod('_writev()'),
};

// Once a stream has this many errors, those that nothing refers to are forgotten.
const MANY = 64;

// The errors of one stream.
class Errors {
  constructor() {
    this.given = []; // by id: errors of the caller
    this.own = []; // by kind: the latest of the machine's own
    this.held = 0; // how many ticks and continuations may refer to one
  }

  // The number of an error of the caller.
  number(error, slot) {
    let id = this.given.indexOf(error);
    if (id < 0) {
      if (this.given.length >= MANY) this.forget(slot);
      id = this.given.push(error) - 1;
    }
    return FAULT.CALLER | id << 3;
  }

  // The machine itself keeps `errored`, and until the stream is closed what it was
  // destroyed with. Ids do not change, so the list ends after the one that is kept.
  forget(slot) {
    const now = flags(slot);
    const keeps = (now & FLAG.DESTROYED) !== 0 && (now & FLAG.CLOSED) === 0;
    if (this.held > 0 || keeps) return;
    const first = errored(slot);
    this.given.length = (first & 7) === FAULT.CALLER ? Math.min(this.given.length, (first >>> 3) + 1) : 0;
  }

  // The error of this number, the same each time.
  of(fault) {
    if ((fault & 7) === FAULT.CALLER) return this.given[fault >>> 3];
    return this.own[fault] ??= MADE[fault]();
  }

  // A new error for an operation that was refused. `errored` stays the one it was.
  refusal(fault, slot) {
    if ((fault & 7) === FAULT.CALLER) return this.given[fault >>> 3];
    const error = MADE[fault]();
    if (errored(slot) !== fault) this.own[fault] = error;
    return error;
  }

  // For a callback: Node makes a new error each time, unless the stream has one.
  rejection(fault, slot, operation) {
    if (fault !== FAULT.DESTROYED || errored(slot) === fault) return this.of(fault);
    return destroyed(operation);
  }
}

module.exports = {
  Errors,
  aborted,
  aggregate,
  cannotPipe,
  invalidChunk,
  invalidOption,
  invalidType,
  noMethod,
  nullValue,
  unknownEncoding,
};
