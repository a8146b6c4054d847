'use strict';
// `Writable` for QuickJS on `native`, the driver's side in Rust.

const streams = []; // by the numbers that `native` knows
const nextTick = (call) => native('tick', 0, 0, call, null);
const setImmediate = (call) => native('immediate', 0, 0, call, null);

class Writable {
  constructor(options) {
    this.listeners = {};
    this.options = options;
    const bits = [options.writev, options.final, options.construct, options.objectMode,
      options.autoDestroy !== false, options.emitClose !== false, !globalThis.strict];
    const sum = bits.reduce((some, on, bit) => some | (on ? 1 << bit : 0), 0);
    this.index = native('create', sum, options.highWaterMark ?? 16384, null, null);
    streams[this.index] = this;
  }

  on(event, listener) { (this.listeners[event] ??= []).push(listener); }

  emit(event, ...values) {
    for (const listener of this.listeners[event] ?? []) listener.apply(this, values);
  }

  // A call or an answer, with a chunk or an error, and a callback.
  put(what, value = null, callback = null) {
    const length = this.options.objectMode ? 1 : value?.length ?? 0;
    return native(what, this.index, length, value, callback);
  }

  write(chunk, callback) { return this.put('write', chunk, callback); }
  end(chunk, callback) { this.put('end', chunk, callback); }
  cork() { this.put('cork'); }
  uncork() { this.put('uncork'); }
  destroy(error) { this.put('destroy', error); }

  // The function with which the sink or a hook answers.
  answer(what) {
    let before = false;
    return (error) => {
      const again = before;
      before = true;
      if (what !== 'destroyed' || !again) this.put(again && what === 'written' ? 'written again' : what, error);
    };
  }

  // Calls a hook. Its throw is its answer.
  hook(hook, what, ...values) {
    const answer = this.answer(what);
    try {
      hook.call(this, ...values, answer);
    } catch (error) {
      answer(error);
    }
  }
}

// An error of the program, or of the machine, whose code is given.
const error = (given) => (typeof given === 'string' ? Object.assign(new Error(given), { code: given }) : given ?? null);

const bits = ['writable', 'writableEnded', 'writableFinished', 'writableNeedDrain', 'destroyed', 'closed', 'writableAborted'];
const look = (name, get) => Object.defineProperty(Writable.prototype, name, { get() { return get(this.put('look')); } });
bits.forEach((name, bit) => look(name, ([all]) => (all & 1 << bit) !== 0));
look('writableLength', ([, length]) => length);
look('writableCorked', ([, , corked]) => corked);
look('errored', ([, , , errored]) => error(errored));

function aggregate(inner, outer) {
  if (!inner || !outer || inner === outer) return inner || outer;
  return Object.assign(new Error(outer.message), { errors: [outer, inner], code: outer.code });
}

// What Rust asks of a stream. All else is an event.
const OUTWARD = {
  write(stream, chunk) { stream.options.write.call(stream, chunk, 'buffer', stream.answer('written')); },
  writev(stream, ...chunks) {
    stream.options.writev.call(stream, chunks.map((chunk) => ({ chunk, encoding: 'buffer' })), stream.answer('written'));
  },
  callback(stream, callback, fault) { callback(error(fault)); },
  construct(stream) { stream.hook(stream.options.construct, 'constructed'); },
  final(stream) { stream.hook(stream.options.final, 'final'); },
  destroy(stream, fault, construct) {
    const destroy = stream.options.destroy ?? ((given, answer) => answer(given));
    stream.hook(destroy, 'destroyed', aggregate(error(construct), error(fault)));
  },
};

native('outward', 0, 0, (what, index, ...values) => {
  const stream = streams[index];
  if (OUTWARD[what]) OUTWARD[what](stream, ...values);
  else stream.emit(what, ...values.map(error));
}, null);

// The program: one scenario after another.
const play = highwaterKit({ Writable, nextTick, setImmediate, chunk: (length) => new Uint8Array(length) });
let [expected, actual] = [];

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
