'use strict';
// Plays scenarios on a Writable and compares what happens with what happened in Node.
//
// One file, plain JavaScript. With a CommonJS loader it is a program:
//
//     node kit/play.js [--writable MODULE] [--no-looks] [--show N] [--json] [FILE...]
//
// MODULE exports a Writable, or has one as a property; by default it is the runtime's own
// `stream`. Each FILE has a scenario with its trace on each line; by default these are those
// of kit.json. With --no-looks the properties are left out, which old Writables do not have.
// The exit status is 1 if a trace differs.
//
// Without a loader: `highwaterKit(host)` returns `play(scenario, done)`, and `host` has
// `Writable`, `nextTick(function)`, `setImmediate(function)` and `chunk(length)`, which
// returns an object with that `length`; with `looks: false` no properties are read.
// `done(lines)` gets the trace, and `difference(lines, expected)` compares it. A host that
// wants to see more has a `Player` of its own, a subclass of the one here.

const POINTS = ['drain', 'finish', 'error', 'close', 'prefinish', 'cb', 'ecb', 'w', 'fin', 'des', 'con'];

function highwaterKit(host) {
  return (scenario, done) => new Scene(scenario, host, done).start();
}

// One scenario: its streams, its turns, and the one trace of all its streams.
class Scene {
  constructor(scenario, host, done) {
    this.scenario = scenario;
    this.host = host;
    this.done = done;
    this.trace = [];
    this.several = scenario.streams !== undefined;
    this.turn = 0;
    this.extra = 0;
    const plans = this.several ? scenario.streams : [scenario];
    const OneStream = host.Player ?? Player;
    this.players = plans.map((plan, n) => new OneStream(this, plan, this.several ? `${n} ` : ''));
  }

  start() {
    this.host.setImmediate(() => this.runTurn());
  }

  // All ticks of all streams run before the next turn.
  runTurn() {
    if (this.turn === 0) this.players.forEach((player) => player.create());
    const { turns } = this.scenario;
    const actions = this.turn < turns.length ? turns[this.turn] : this.unanswered();
    if (actions === null) {
      this.done(this.trace);
      return;
    }
    this.turn += 1;
    this.act(actions);
    this.host.setImmediate(() => {
      this.players.forEach((player) => player.log('--'));
      this.runTurn();
    });
  }

  unanswered() {
    if (this.extra === 40 * this.players.length) return null;
    this.extra += 1;
    for (const [index, player] of this.players.entries()) {
      const action = player.unanswered();
      if (action) return [this.several ? `${index}${action}` : action];
    }
    return null;
  }

  act(actions) {
    for (const action of actions) {
      const [, index, rest] = this.several ? /^(\d+)(.*)$/.exec(action) : [null, 0, action];
      this.players[index].act(rest);
    }
  }
}

// One stream of a scene. `prefix` begins its lines.
class Player {
  constructor(scene, plan, prefix) {
    this.scene = scene;
    this.host = scene.host;
    this.plan = plan;
    this.prefix = prefix;
    this.hits = Object.fromEntries(POINTS.map((point) => [point, 0]));
    this.operations = 0;
    this.errors = 0;
    this.calls = [];
    this.answeredLast = null;
    this.hooks = {};
    this.shared = { a: this.callback('sA'), b: this.callback('sB') };
  }

  unanswered() {
    const waits = (hook) => this.hooks[hook] && !this.hooks[hook].answered;
    if (waits('c')) return 'o0';
    if (this.calls.some((call) => !call.answered)) return 'k0';
    if (waits('f')) return 'f0';
    return waits('d') ? 'x0' : null;
  }

  newError() {
    this.errors += 1;
    return Object.assign(new Error(`E${this.errors}`), { code: `E${this.errors}` });
  }

  code(error) {
    if (error == null) return '-';
    if (Array.isArray(error.errors)) return `agg(${error.errors.map((one) => this.code(one)).join(',')})`;
    return error.code ?? String(error);
  }

  log(what) {
    if (this.host.looks === false) {
      this.scene.trace.push(`${this.prefix}${what}`);
      return;
    }
    const s = this.stream;
    const bits = [s.writable, s.writableEnded, s.writableFinished, s.writableNeedDrain,
      s.destroyed, s.closed, s.writableAborted].map((bit) => (bit ? 1 : 0)).join('');
    const now = `${bits} ${s.writableLength} ${s.writableCorked} ${this.code(s.errored)}`;
    this.scene.trace.push(`${this.prefix}${what} | ${now}`);
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
    this.stream = new this.host.Writable(this.options());
    for (const event of ['drain', 'finish', 'close', 'prefinish']) {
      this.stream.on(event, () => { this.log(`ev ${event}`); this.hit(event); });
    }
    this.stream.on('error', (error) => {
      this.log(`ev error ${this.code(error)}`);
      this.hit('error');
    });
    if (this.plan.o.own) this.overrideDestroy(this.plan.o.own);
  }

  // The stream has a `destroy` of its own, which calls that of the class: at once ('s'), in a
  // tick ('t'), with an error of its own ('E'), with a callback ('c'), twice ('2'), or
  // never ('n').
  overrideDestroy(how) {
    const { stream } = this;
    const { destroy } = stream;
    stream.destroy = (...inputs) => {
      this.log(`own destroy ${inputs.length} ${this.code(inputs[0])}`);
      const below = (...given) => {
        destroy.apply(stream, given);
        this.log('destroy below');
      };
      if (how === 't') this.host.nextTick(() => below(...inputs));
      else if (how === 'E') below(this.newError());
      else if (how === 'c') below(inputs[0], (error) => this.log(`cb destroy ${this.code(error)}`));
      else if (how !== 'n') below(...inputs);
      if (how === '2') below(...inputs);
      return stream;
    };
  }

  options() {
    const { o } = this.plan;
    const name = (chunk) => `${o.obj ? chunk.len : chunk.length}@${chunk.number}`;
    const options = {
      highWaterMark: o.hwm,
      objectMode: !!(o.obj ?? 0),
      autoDestroy: !!(o.ad ?? 1),
      emitClose: !!(o.ec ?? 1),
      ...(o.lw !== undefined && { lowWaterMark: o.lw }), // Node has neither of these
      ...(o.lim !== undefined && { limit: o.lim }),
      write: (chunk, encoding, answer) => this.sinkCall(`_write ${name(chunk)}`, answer),
    };
    if (o.v) {
      options.writev = (chunks, answer) => {
        this.sinkCall(`_writev ${chunks.map(({ chunk }) => name(chunk)).join(',')}`, answer);
      };
    }
    if (o.f) options.final = (answer) => this.hook('f', '_final', 'fin', 'tick-final', answer);
    if (o.c) options.construct = (answer) => this.hook('c', '_construct', 'con', 'tick-construct', answer);
    if (o.d) {
      options.destroy = (error, answer) => {
        this.hook('d', `_destroy ${this.code(error)}`, 'des', 'tick-destroy', answer, error);
      };
    }
    return options;
  }

  sinkCall(what, done) {
    const call = { answered: false, answer: (error) => this.sinkAnswers(call, error, done) };
    const index = this.calls.push(call) - 1;
    this.log(what);
    this.hit('w');
    const { sink } = this.plan;
    this.answerBy(sink[Math.min(index, sink.length - 1)], call, 'tick-done');
  }

  sinkAnswers(call, error, done) {
    call.answered = true;
    this.answeredLast = call;
    done(error);
  }

  hook(name, what, point, tick, done, given) {
    const call = { answered: false, answer: (error) => this.hookAnswers(name, call, error, done) };
    this.hooks[name] = call;
    this.log(what);
    this.hit(point);
    this.answerBy(this.plan.o[name], call, tick, given);
  }

  hookAnswers(name, call, error, done) {
    call.answered = true;
    done(error);
  }

  answerBy(mode, call, tick, given) {
    const later = (error) => this.host.nextTick(() => {
      call.answer(error());
      this.log(tick);
    });
    switch (mode) {
      case 's': call.answer(null); break;
      case 'S': call.answer(this.newError()); break;
      case 't': later(() => null); break;
      case 'T': later(() => this.newError()); break;
      case 'p': call.answer(given); break;
      case 'P': later(() => given); break;
      case 'x':
        call.answered = true;
        throw this.newError();
      default:
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
      case 'w': this.write(rest); break;
      case 'r': {
        const [times, write] = rest.split('x');
        for (let n = 0; n < Number(times); n++) this.write(write);
        break;
      }
      case 'e': this.end(rest); break;
      case 'c': this.stream.cork(); this.log('cork'); break;
      case 'u': this.stream.uncork(); this.log('uncork'); break;
      case 'd': this.stream.destroy(error()); this.log('destroy'); break;
      case 'k': answer(this.calls.find((call) => !call.answered), 'done'); break;
      case 'K': answer(this.answeredLast, 'again'); break;
      case 'f': answer(this.hooks.f, 'final-done'); break;
      case 'o': answer(this.hooks.c, 'construct-done'); break;
      case 'x': answer(this.hooks.d, 'destroy-done'); break;
      default: throw new RangeError(`no action: ${action}`);
    }
  }

  chunk(length, number) {
    return Object.assign(this.plan.o.obj ? { len: length } : this.host.chunk(length), { number });
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
    const length = rest.slice(0, -1);
    const callback = rest.endsWith('n') ? undefined : this.callback(`e${number}`);
    this.stream.end(length === '-' ? undefined : this.chunk(Number(length), number), callback);
    this.log(`end${number}`);
  }
}

// A recorded line leaves the properties out if they are those of the line before.
function expanded(lines) {
  let now = '';
  return lines.map((line) => {
    const [what, properties] = line.split(' | ');
    now = properties ?? now;
    return `${what} | ${now}`;
  });
}

// The first line that differs, or -1.
function difference(actual, lines, looks = true) {
  const expected = looks ? expanded(lines) : lines.map((line) => line.split(' | ')[0]);
  const at = actual.findIndex((line, index) => line !== expected[index]);
  return at < 0 && actual.length < expected.length ? actual.length : at;
}

if (typeof module !== 'undefined') {
  module.exports = { POINTS, Player, Scene, difference, expanded, highwaterKit };
  if (typeof require !== 'undefined' && require.main === module) require('./program.js').main();
}
