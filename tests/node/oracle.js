'use strict';
// Plays scenarios against the real stream.Writable and writes down what happens. The player
// is that of the conformance kit; here it marks the corners in which Node corrupts itself.

const { Writable } = require('stream');
const kit = require('../../examples/javascript/kit/play.js');

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

class Scene extends kit.Scene {
  constructor(scenario, { Writable: subject, looks }, resolve) {
    const host = {
      Writable: subject, looks, nextTick: process.nextTick, setImmediate, chunk: Buffer.alloc, Player,
    };
    super(scenario, host, () => this.finish());
    this.resolve = resolve;
    this.marks = new Set();
    this.over = false;
  }

  start() {
    playing = this;
    super.start();
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
    if (!this.over) super.runTurn();
  }

  act(actions) {
    try {
      super.act(actions);
    } catch (error) {
      // It may be thrown into a hook whose errors Node catches.
      if (isNodesOwn(error)) this.marks.add('crash');
      throw error;
    }
  }
}

class Player extends kit.Player {
  inSinkCall = 0;

  mark(name) {
    this.scene.marks.add(name);
  }

  code(error) {
    if (error instanceof TypeError && error.code === undefined) {
      // Node threw it at itself, inside a hook whose errors it catches.
      this.mark('crash');
      return 'TypeError';
    }
    return super.code(error);
  }

  log(what) {
    if (this.scene.over) return;
    if (this.host.looks && this.stream.writableLength < 0) this.mark('negative-length');
    super.log(what);
  }

  create() {
    super.create();
    if (this.host.Writable === Writable) this.watchRejection();
  }

  // K2: a queued chunk's length is taken off by errorBuffer, inside a sink call.
  watchRejection() {
    const state = this.stream._writableState;
    let { length } = state;
    Object.defineProperty(state, 'length', {
      get: () => length,
      set: (value) => {
        length = value;
        if (this.inSinkCall > 0 && onStack('errorBuffer')) this.mark('reject-inside-sink-call');
      },
    });
  }

  sinkCall(what, done) {
    // K1: errorBuffer is on the stack.
    if (this.host.looks && this.stream.errored && onStack('errorBuffer')) this.mark('sink-call-while-rejecting');
    this.inSinkCall += 1;
    super.sinkCall(what, done);
    this.inSinkCall -= 1;
  }
}

module.exports = { play, POINTS: kit.POINTS };

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
