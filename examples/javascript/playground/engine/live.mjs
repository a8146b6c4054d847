// The world around a stream that runs: a producer, a sink that takes its time, and chance
// with a seed. Whatever they do to the stream is a turn of a case.

import { Author } from './author.mjs';

export const MOST_TURNS = 1500;

// mulberry32: 32 bits of state are plenty here.
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export class World {
  // `knobs` may change while it runs. A `scenario` is replayed first.
  constructor(knobs, scenario) {
    this.knobs = knobs;
    this.chance = random(knobs.seed);
    const o = { hwm: Math.round(knobs.high * 1024), ...(knobs.low > 0 && { lw: Math.round(knobs.low * 1024) }), ...(knobs.writev && { v: 1 }) };
    const { turns = [], ...plan } = scenario ?? { o, sink: 'm' };
    this.author = new Author(plan, knobs.profile);
    this.nextWrite = 0;
    this.nextAnswer = null;
    this.failNext = false;
    this.stamped = 0;
    for (const actions of turns) {
      this.author.time += 100;
      this.author.turn(...actions);
    }
    this.stamp();
    this.nextWrite = this.author.time;
    this.lane = { caption: knobs.profile === 'node' ? 'as Node is' : 'strict', scenario: this.scenario, profile: knobs.profile, get heeds() { return Boolean(knobs.heeds); } };
  }

  get scenario() {
    return this.author.scenario;
  }

  get frames() {
    return this.author.run.frames;
  }

  get full() {
    return this.scenario.turns.length >= MOST_TURNS;
  }

  // So many milliseconds pass.
  pass(time) {
    const until = this.author.time + time;
    for (;;) {
      this.look();
      const next = Math.min(this.nextWrite, this.nextAnswer ?? Infinity);
      if (next > until || this.full) break;
      this.author.time = Math.max(this.author.time, next);
      if (next === this.nextAnswer) this.answer();
      else this.produce();
    }
    this.author.time = until;
    this.stamp();
  }

  // A sink that has something to do will have done it after its latency, more or less.
  look() {
    const waits = this.author.now && !this.author.answeredAll;
    if (!waits) this.nextAnswer = null;
    else this.nextAnswer ??= this.author.time + this.knobs.latency * (0.6 + 0.8 * this.chance());
  }

  answer() {
    this.nextAnswer = null;
    const action = this.author.run.streams[0].unanswered();
    const fails = action === 'k0' && (this.failNext || this.chance() * 100 < this.knobs.fails);
    if (fails) this.failNext = false;
    this.author.turn(fails ? 'k1' : action);
  }

  produce() {
    this.nextWrite = this.author.time + 1000 / this.knobs.rate;
    const { now } = this.author;
    const stopped = now && (now.ended || now.destroyed || now.errored);
    if (stopped || (this.knobs.heeds && now?.needsDrain)) return;
    this.author.turn(`w${this.knobs.chunk * 1024}n`);
  }

  // The reader calls.
  call(name) {
    if (this.full) return;
    const actions = { write: `w${this.knobs.chunk * 1024}o`, cork: 'c', uncork: 'u', end: 'e-o', destroy: 'd0' };
    if (name !== 'fail') this.author.turn(actions[name]);
    else if (this.author.busy) this.author.turn('k1');
    else this.failNext = true;
    this.stamp();
  }

  stamp() {
    for (; this.stamped < this.frames.length; this.stamped++) {
      const frame = this.frames[this.stamped];
      frame.time = this.author.times[frame.turn] ?? this.author.time;
    }
  }
}
