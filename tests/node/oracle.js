'use strict';
// Plays scenarios against the real stream.Writable and writes down what happens.

const { Writable } = require('stream');

const POINTS = ['drain', 'finish', 'error', 'close', 'prefinish', 'cb', 'ecb', 'w', 'fin', 'des', 'con'];

// Plays one scenario, of one stream or of several; resolves to { t: lines, q: marks }.
//
// `subject` is whose Writable is played, Node's by default, and whether each line `looks` at
// the properties of the stream. To look is a call of the stream, and may hide what a stream
// does otherwise.
//
// `q` marks the corners in which Node corrupts its own array, and which the
// machine does not follow: K1 (a sink call while chunks are being rejected),
// K2 (chunks are rejected from inside a sink call), and what they lead to.
function play(scenario, subject = NODE) {
  return new Promise((resolve) => new Scene(scenario, subject, resolve).start());
}

const NODE = { Writable, looks: true };

// Whether a function of Node's of this name is on the stack.
function onStack(name) {
  const usual = Error.stackTraceLimit;
  Error.stackTraceLimit = Infinity;
  const { stack } = new Error();
  Error.stackTraceLimit = usual;
  return stack.includes(`at ${name} (node:internal`);
}

// Node itself may throw a TypeError, and go on throwing after the scenario is
// over: that is a fault of its own, and belongs to the trace.
let playing = null;
process.on('uncaughtException', (error) => {
  if (!isNodesOwn(error)) {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  }
  playing.crash();
});

function isNodesOwn(error) {
  return error instanceof TypeError && /^ +at [^\n]*node:internal/m.test(error.stack.split('\n', 2)[1]);
}

// One scenario: its streams, its turns, and the one trace of all its streams.
class Scene {
  constructor(scenario, subject, resolve) {
    this.scenario = scenario;
    this.subject = subject;
    this.resolve = resolve;
    this.trace = [];
    this.marks = new Set();
    this.several = scenario.streams !== undefined;
    const plans = this.several ? scenario.streams : [scenario];
    this.players = plans.map((plan, n) => new Player(this, plan, this.several ? `${n} ` : ''));
    this.turn = 0;
    this.extra = 0;
    this.over = false;
  }

  start() {
    playing = this;
    setImmediate(() => this.runTurn());
  }

  crash() {
    if (this.over) return;
    this.trace.push('CRASH');
    this.marks.add('crash');
    this.finish();
  }

  finish() {
    if (this.over) return;
    this.over = true;
    this.resolve({ t: this.trace, q: [...this.marks] });
  }

  runTurn() {
    if (this.over) return;
    if (this.turn === 0) this.players.forEach((player) => player.create());
    const actions = this.turn < this.scenario.turns.length
      ? this.scenario.turns[this.turn]
      : this.stillUnanswered();
    if (actions === null) return this.finish();
    this.turn += 1;
    this.act(actions);
    // All ticks of all streams run before the next macrotask.
    setImmediate(() => {
      if (this.over) return;
      this.players.forEach((player) => player.log('--'));
      this.runTurn();
    });
  }

  stillUnanswered() {
    if (this.extra === 40 * this.players.length) return null;
    this.extra += 1;
    for (const [index, player] of this.players.entries()) {
      const action = player.stillUnanswered();
      if (action) return [this.several ? `${index}${action}` : action];
    }
    return null;
  }

  act(actions) {
    for (const action of actions) {
      const [, index, rest] = this.several ? /^(\d+)(.*)$/.exec(action) : [null, 0, action];
      try {
        this.players[index].act(rest);
      } catch (error) {
        // It may be thrown into a hook whose errors Node catches.
        if (isNodesOwn(error)) this.marks.add('crash');
        throw error;
      }
    }
  }
}

// One stream of a scene. `prefix` begins its lines.
class Player {
  constructor(scene, plan, prefix) {
    this.scene = scene;
    this.plan = plan;
    this.prefix = prefix;
    this.marks = scene.marks;
    this.hits = Object.fromEntries(POINTS.map((point) => [point, 0]));
    this.operations = 0;
    this.errors = 0;
    this.calls = []; // sink calls: { answer, answered }
    this.answeredLast = null;
    this.hooks = {}; // f, c, d: { answer, answered } once called
    this.shared = { a: this.callback('sA'), b: this.callback('sB') };
    this.inSinkCall = 0;
  }

  stillUnanswered() {
    const waits = (hook) => this.hooks[hook] && !this.hooks[hook].answered;
    if (waits('c')) return 'o0';
    if (this.calls.some((call) => !call.answered)) return 'k0';
    if (waits('f')) return 'f0';
    if (waits('d')) return 'x0';
    return null;
  }

  newError() {
    this.errors += 1;
    const error = new Error(`E${this.errors}`);
    error.code = `E${this.errors}`;
    return error;
  }

  code(error) {
    if (error == null) return '-';
    if (error instanceof AggregateError) {
      return `agg(${error.errors.map((one) => this.code(one)).join(',')})`;
    }
    if (error instanceof TypeError && error.code === undefined) {
      // Node threw it at itself, inside a hook whose errors it catches.
      this.marks.add('crash');
      return 'TypeError';
    }
    return error.code;
  }

  log(what) {
    const s = this.stream;
    if (!this.scene.subject.looks) {
      this.scene.trace.push(`${this.prefix}${what}`);
      return;
    }
    const bits = [s.writable, s.writableEnded, s.writableFinished, s.writableNeedDrain,
      s.destroyed, s.closed, s.writableAborted].map((bit) => (bit ? 1 : 0)).join('');
    if (s.writableLength < 0) this.marks.add('negative-length');
    this.scene.trace.push(`${this.prefix}${what} | ${bits} ${s.writableLength} ${s.writableCorked} ${this.code(s.errored)}`);
  }

  hit(point) {
    const actions = (this.plan.on?.[point] ?? [])[this.hits[point]++];
    if (actions) this.scene.act(actions);
  }

  callback(name) {
    const point = name.startsWith('e') ? 'ecb' : 'cb';
    return (error) => {
      this.log(`cb ${name} ${error == null ? 'ok' : this.code(error)}`);
      this.hit(point);
    };
  }

  create() {
    const { o } = this.plan;
    const player = this;
    const size = (chunk) => (o.obj ? chunk.len : chunk.length);
    const name = (chunk) => `${size(chunk)}@${chunk.number}`;
    const options = {
      highWaterMark: o.hwm,
      objectMode: !!(o.obj ?? 0),
      autoDestroy: !!(o.ad ?? 1),
      emitClose: !!(o.ec ?? 1),
      ...(o.lw !== undefined && { lowWaterMark: o.lw }), // Node has neither of these
      ...(o.lim !== undefined && { limit: o.lim }),
      write(chunk, _, answer) { player.sinkCall(`_write ${name(chunk)}`, answer); },
    };
    if (o.v) {
      options.writev = (chunks, answer) => {
        player.sinkCall(`_writev ${chunks.map(({ chunk }) => name(chunk)).join(',')}`, answer);
      };
    }
    if (o.f) options.final = (answer) => this.hook('f', '_final', 'fin', 'tick-final', answer);
    if (o.c) options.construct = (answer) => this.hook('c', '_construct', 'con', 'tick-construct', answer);
    if (o.d) {
      options.destroy = (error, answer) => {
        this.hook('d', `_destroy ${this.code(error)}`, 'des', 'tick-destroy', answer, error);
      };
    }
    this.stream = new this.scene.subject.Writable(options);
    if (this.scene.subject.Writable === Writable) this.watchRejection();
    for (const event of ['drain', 'finish', 'close', 'prefinish']) {
      this.stream.on(event, () => { this.log(`ev ${event}`); this.hit(event); });
    }
    this.stream.on('error', (error) => {
      this.log(`ev error ${this.code(error)}`);
      this.hit('error');
    });
  }

  // K2: a queued chunk's length is taken off by errorBuffer, inside a sink call.
  watchRejection() {
    const state = this.stream._writableState;
    let { length } = state;
    Object.defineProperty(state, 'length', {
      get: () => length,
      set: (value) => {
        length = value;
        if (this.inSinkCall > 0 && onStack('errorBuffer')) {
          this.marks.add('reject-inside-sink-call');
        }
      },
    });
  }

  sinkCall(what, done) {
    const call = { answered: false };
    call.answer = (error) => {
      call.answered = true;
      this.answeredLast = call;
      done(error);
    };
    const index = this.calls.push(call) - 1;
    // K1: errorBuffer is on the stack.
    if (this.scene.subject.looks && this.stream.errored && onStack('errorBuffer')) this.marks.add('sink-call-while-rejecting');
    this.log(what);
    this.inSinkCall += 1;
    this.hit('w');
    const { sink } = this.plan;
    this.answerBy(sink[Math.min(index, sink.length - 1)], call, 'tick-done');
    this.inSinkCall -= 1;
  }

  hook(name, what, point, tick, done, given) {
    const call = { answered: false };
    call.answer = (error) => {
      call.answered = true;
      done(error);
    };
    this.hooks[name] = call;
    this.log(what);
    this.hit(point);
    this.answerBy(this.plan.o[name], call, tick, given);
  }

  answerBy(mode, call, tick, given) {
    const later = (error) => process.nextTick(() => {
      call.answer(error());
      this.log(tick);
    });
    switch (mode) {
      case 's': return call.answer(null);
      case 'S': return call.answer(this.newError());
      case 't': return later(() => null);
      case 'T': return later(() => this.newError());
      case 'p': return call.answer(given);
      case 'P': return later(() => given);
      case 'x':
        call.answered = true;
        throw this.newError();
      default: return undefined;
    }
  }

  act(action) {
    const rest = action.slice(1);
    const error = () => (rest === '1' ? this.newError() : null);
    const answer = (call, line) => {
      if (!call) return;
      call.answer(error());
      this.log(line);
    };
    switch (action[0]) {
      case 'w': return this.write(rest);
      case 'r': {
        const [times, write] = rest.split('x');
        for (let n = 0; n < Number(times); n++) this.write(write);
        return undefined;
      }
      case 'e': return this.end(rest);
      case 'c': this.stream.cork(); return this.log('cork');
      case 'u': this.stream.uncork(); return this.log('uncork');
      case 'd': this.stream.destroy(error()); return this.log('destroy');
      case 'k': return answer(this.calls.find((call) => !call.answered), 'done');
      case 'K': return answer(this.answeredLast, 'again');
      case 'f': return answer(this.hooks.f, 'final-done');
      case 'o': return answer(this.hooks.c, 'construct-done');
      case 'x': return answer(this.hooks.d, 'destroy-done');
      default: throw new RangeError(`no action: ${action}`);
    }
  }

  chunk(len, number) {
    const chunk = this.plan.o.obj ? { len } : Buffer.alloc(len);
    chunk.number = number;
    return chunk;
  }

  write(rest) {
    const number = ++this.operations;
    const kind = rest.slice(-1);
    const callback = kind === 'n' ? undefined : this.shared[kind] ?? this.callback(`w${number}`);
    const answer = this.stream.write(this.chunk(Number(rest.slice(0, -1)), number), callback);
    this.log(`write${number}=${answer}`);
  }

  end(rest) {
    const number = ++this.operations;
    const len = rest.slice(0, -1);
    const callback = rest.endsWith('n') ? undefined : this.callback(`e${number}`);
    const chunk = len === '-' ? undefined : this.chunk(Number(len), number);
    this.stream.end(chunk, callback);
    this.log(`end${number}`);
  }
}

module.exports = { play, POINTS };

if (require.main === module) {
  const lines = require('readline').createInterface({ input: process.stdin });
  (async () => {
    for await (const line of lines) {
      const scenario = JSON.parse(line);
      const { t, q } = await play(scenario);
      process.stdout.write(`${JSON.stringify({ id: scenario.id, t, ...(q.length && { q }) })}\n`);
    }
  })();
}
