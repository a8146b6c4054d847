'use strict';
// `Writable` for QuickJS on `native`, the driver's side in Rust. Chunks, callbacks and
// errors stay in tables here; Rust knows their numbers.

// A table: each value has a number from 1 on, for as long as it is in.
class Table {
  constructor() {
    this.values = [null];
    this.numbers = new Map();
    this.free = [];
  }

  // The same value has the same number.
  number(value) {
    const known = this.numbers.get(value);
    if (known !== undefined) return known;
    const number = this.add(value);
    this.numbers.set(value, number);
    return number;
  }

  add(value) {
    const number = this.free.pop() ?? this.values.length;
    this.values[number] = value;
    return number;
  }

  take(number) {
    const value = this.values[number];
    this.values[number] = null;
    this.free.push(number);
    return value;
  }
}

const streams = [];
const calls = new Table();
const CODES = ['', 'ERR_STREAM_WRITE_AFTER_END', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_ALREADY_FINISHED',
  'ERR_MULTIPLE_CALLBACK', 'TOO_LONG', 'ERR_METHOD_NOT_IMPLEMENTED'];
const ERRORS = CODES.length; // errors of the program have numbers from here on

const nextTick = (callback) => native.tick(calls.add(callback));
const setImmediate = (callback) => native.immediate(calls.add(callback));

class Writable {
  constructor(options) {
    this.listeners = new Map();
    this.chunks = new Table();
    this.callbacks = new Table();
    this.errors = [];
    this.batch = [];
    this.options = options;
    const bits = [options.writev, options.final, options.construct, options.objectMode,
      options.autoDestroy !== false, options.emitClose !== false, !globalThis.strict];
    this.objectMode = Boolean(options.objectMode);
    this.index = streams.length; // as `native` counts them
    streams.push(this);
    native.create(bits.reduce((sum, on, bit) => sum | (on ? 1 << bit : 0), 0), options.highWaterMark ?? 16384);
  }

  on(event, listener) {
    if (!this.listeners.has(event)) this.listeners.set(event, []);
    this.listeners.get(event).push(listener);
    return this;
  }

  emit(event, ...values) {
    for (const listener of this.listeners.get(event) ?? []) listener.apply(this, values);
  }

  write(chunk, callback) {
    const number = this.chunks.add(chunk);
    const answer = native.write(this.index, number, this.objectMode ? 1 : chunk.length, this.callback(callback));
    if (answer === 2) this.chunks.take(number); // refused
    return answer === 1;
  }

  end(chunk, callback) {
    const number = chunk == null ? 0 : this.chunks.add(chunk);
    const length = chunk == null || this.objectMode ? 1 : chunk.length;
    const accepted = native.end(this.index, number, length, this.callback(callback));
    if (!accepted) this.chunks.take(number);
    return this;
  }

  cork() { native.put(this.index, 'cork', 0); }

  uncork() { native.put(this.index, 'uncork', 0); }

  destroy(error) {
    native.put(this.index, 'destroy', this.fault(error));
    return this;
  }

  callback(callback) { return callback ? this.callbacks.number(callback) : 0; }

  fault(error) { return error ? this.errors.push(error) - 1 + ERRORS : 0; }

  error(number) {
    if (number === 0) return null;
    if (number >= ERRORS) return this.errors[number - ERRORS];
    return Object.assign(new Error(CODES[number]), { code: CODES[number] });
  }

  // The function that the sink calls when it has written.
  answer() {
    let answered = false;
    return (error) => {
      const what = answered ? 'written again' : 'written';
      answered = true;
      native.put(this.index, what, this.fault(error));
    };
  }

  // Calls a hook. Its throw is its answer.
  hook(hook, what, ...values) {
    let answered = false;
    const answer = (error) => {
      if (what === 'destroyed' && answered) return;
      answered = true;
      native.put(this.index, what, this.fault(error));
    };
    try {
      hook.call(this, ...values, answer);
    } catch (error) {
      answer(error);
    }
  }
}

['writable', 'writableEnded', 'writableFinished', 'writableNeedDrain', 'destroyed', 'closed', 'writableAborted']
  .forEach((name, bit) => Object.defineProperty(Writable.prototype, name, {
    get() { return (native.look(this.index)[0] & 1 << bit) !== 0; },
  }));
Object.defineProperties(Writable.prototype, {
  writableLength: { get() { return native.look(this.index)[1]; } },
  writableCorked: { get() { return native.look(this.index)[2]; } },
  errored: { get() { return this.error(native.look(this.index)[3]); } },
});

function aggregate(inner, outer) {
  if (!inner || !outer || inner === outer) return inner || outer;
  return Object.assign(new Error(outer.message), { errors: [outer, inner], code: outer.code });
}

// What Rust asks of a stream.
const OUTWARD = {
  write(stream, chunk) { stream.options.write.call(stream, stream.chunks.take(chunk), 'buffer', stream.answer()); },
  collect(stream, chunk) { stream.batch.push({ chunk: stream.chunks.take(chunk), encoding: 'buffer' }); },
  writev(stream) { stream.options.writev.call(stream, stream.batch.splice(0), stream.answer()); },
  unsent(stream, chunk) { stream.chunks.take(chunk); },
  callback(stream, callback, fault) { stream.callbacks.values[callback](stream.error(fault)); },
  construct(stream) { stream.hook(stream.options.construct, 'constructed'); },
  final(stream) { stream.hook(stream.options.final, 'final'); },
  destroy(stream, fault, construct) {
    const error = aggregate(stream.error(construct), stream.error(fault));
    stream.hook(stream.options.destroy ?? ((given, answer) => answer(given)), 'destroyed', error);
  },
  error(stream, fault) { stream.emit('error', stream.error(fault)); },
};

native.outward((what, index, first, second) => {
  if (what === 'call') calls.take(first)();
  else if (OUTWARD[what]) OUTWARD[what](streams[index], first, second);
  else streams[index].emit(what);
});

// The program: one scenario after another.
const play = highwaterKit({ Writable, nextTick, setImmediate, chunk: (length) => new Uint8Array(length) });
let expected;
let actual;

function start(line) {
  streams.length = 0;
  actual = ['nothing'];
  expected = JSON.parse(line);
  play(expected, (lines) => { actual = lines; });
}

function result() {
  const at = difference(actual, expected.t);
  return at < 0 ? undefined : `Node    ${expanded(expected.t)[at]}\nQuickJS ${actual[at]}`;
}
