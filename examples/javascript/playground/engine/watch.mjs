// A player of the kit that is watched: each event of its stream becomes a frame, which
// the page draws, and a record, which the lamps read.

import kit from '../../kit/play.js';
import machine from '../../lib/machine.js';
import { Judge } from './judge.mjs';

export const PHASES = ['opening', 'writable', 'corked', 'ending', 'finished', 'errored', 'destroyed', 'closed'];

const MOST_CHUNKS = 60; // of a queue that are kept one by one

// A line of the trace as a record. What the page does not show has none.
function recordOf(line) {
  const [, name, number, rest] = /^(\D+?)(\d*)(?:=(.*))?$/.exec(line) ?? [];
  if (name === 'write') return { is: 'wrote', number: Number(number), room: rest === 'true' };
  if (name === 'end') return { is: 'ended', number: Number(number) };
  const words = line.split(' ');
  switch (words[0]) {
    case '_write':
    case '_writev': {
      const chunks = words[1].split(',').map((chunk) => chunk.split('@').map(Number).reverse());
      return { is: 'sink', batch: words[0] === '_writev', chunks };
    }
    case '_final': return { is: 'final' };
    case '_construct': return { is: 'construct' };
    case '_destroy': return { is: 'destroyHook', code: words[1] };
    case 'ev': return words[1] === 'error' ? { is: 'error', code: words[2] } : { is: 'event', name: words[1] };
    case 'cb': return { is: 'callback', callee: words[1], told: words[2] };
    default: return { is: 'returned', what: line };
  }
}

export class Watched extends kit.Player {
  constructor(scene, plan, prefix) {
    super(scene, plan, prefix);
    const { o } = plan;
    this.index = Number(prefix);
    this.depth = 0;
    this.flight = [];
    this.judge = new Judge({
      high: o.hwm, low: o.lw ?? 0, objects: Boolean(o.obj), emitClose: Boolean(o.ec ?? 1),
      construct: Boolean(o.c), final: Boolean(o.f),
    });
    this.host.watched.push(this);
  }

  // What there is to see of the stream now.
  now() {
    const s = this.stream;
    const queue = s.writableBuffer;
    return {
      writable: s.writable,
      ended: s.writableEnded,
      finished: s.writableFinished,
      needsDrain: s.writableNeedDrain,
      destroyed: s.destroyed,
      closed: s.closed,
      length: s.writableLength,
      corked: s.writableCorked,
      errored: s.errored ? this.code(s.errored) : null,
      phase: PHASES[machine.phase(s._writableState.looked())],
      queue: queue.slice(0, MOST_CHUNKS).map(({ chunk }) => [chunk.number, this.size(chunk)]),
      more: queue.length > MOST_CHUNKS ? queue.length - MOST_CHUNKS : 0,
      flight: s.destroyed ? [] : this.flight,
      calls: this.calls.length,
    };
  }

  size(chunk) {
    return this.plan.o.obj ? 1 : chunk.length;
  }

  see(record) {
    const now = this.now();
    const broken = this.judge.see(record, now);
    if (record.is === 'sink') now.flight = this.flight = record.chunks.map(([number, len]) => [number, this.plan.o.obj ? 1 : len]);
    this.host.frame(this, record, now, broken);
  }

  log(what) {
    super.log(what);
    if (what === '--') this.host.turnOver(this);
    else this.see(recordOf(what));
  }

  within(action) {
    this.depth += 1;
    try {
      action();
    } finally {
      this.depth -= 1;
    }
  }

  hit(point) {
    this.within(() => super.hit(point));
  }

  // What begins has no line in the trace.
  act(action) {
    const begins = { c: 'cork', u: 'uncork', d: 'destroy' }[action[0]];
    if (begins) this.see({ is: begins, error: action === 'd1' });
    if (begins) this.within(() => super.act(action));
    else super.act(action);
  }

  // Whether the machine would refuse this chunk now.
  refuses(length) {
    const { _writableState: core } = this.stream;
    return machine.refusal(core.looked(), this.plan.o.obj ? 1 : length) !== 0;
  }

  write(rest) {
    const len = Number(rest.slice(0, -1));
    const kind = rest.slice(-1);
    this.see({ is: 'write', number: this.operations + 1, len, callback: kind === 'n' ? null : kind, refused: this.refuses(len) });
    this.within(() => super.write(rest));
  }

  end(rest) {
    const length = rest.slice(0, -1);
    const len = length === '-' ? null : Number(length);
    const refused = len !== null && this.refuses(len);
    this.see({ is: 'end', number: this.operations + 1, len, callback: rest.endsWith('o'), refused });
    this.within(() => super.end(rest));
  }

  sinkAnswers(call, error, done) {
    const index = this.calls.indexOf(call);
    this.see({ is: 'sinkAnswers', call: index, ok: !error, again: call.answered, code: error?.code });
    if (!call.answered) this.flight = [];
    this.within(() => super.sinkAnswers(call, error, done));
  }

  hookAnswers(name, call, error, done) {
    this.hookIs(name, error);
    this.within(() => super.hookAnswers(name, call, error, done));
  }

  hookIs(name, error) {
    const is = { f: 'finalAnswers', c: 'constructAnswers', d: 'destroyAnswers' }[name];
    this.see({ is, ok: !error, code: error?.code });
  }

  answerBy(mode, call, tick, given) {
    if (mode === 'x') this.hookIs(Object.keys(this.hooks).find((name) => this.hooks[name] === call), new Error('thrown'));
    super.answerBy(mode, call, tick, given);
  }
}
