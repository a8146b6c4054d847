// The playground: a stream that runs while the reader turns its knobs. Whatever happens is a
// turn of a case, so the address can have the whole run.

import { addressOf } from '../engine/address.mjs';
import { World } from '../engine/live.mjs';
import { h, prose } from './dom.mjs';
import { Diagram } from './diagram.mjs';
import { Knobs } from './knobs.mjs';
import { Lamps } from './lamps.mjs';
import { Lane } from './lane.mjs';
import { say } from './words.mjs';

const TICK = 50; // milliseconds between two looks at the clock
const WINDOW = 20_000; // milliseconds on the chart

// A knob of these makes a new stream.
const ANEW = ['profile', 'high', 'low', 'writev', 'seed'];

const KNOBS = [
  { name: 'rate', label: 'writes a second', min: 1, max: 40, value: 12 },
  { name: 'chunk', label: 'KB a chunk', min: 1, max: 16, value: 4 },
  { name: 'heeds', label: 'the producer waits for \'drain\'', choice: true, value: 1 },
  { name: 'latency', label: 'ms for a call of the sink', min: 20, max: 1000, step: 20, value: 180 },
  { name: 'fails', label: '% of the calls fail', min: 0, max: 20, value: 0 },
  { name: 'high', label: 'KB: high-water mark', min: 1, max: 64, value: 16 },
  { name: 'low', label: 'KB: low-water mark (strict)', min: 0, max: 63, value: 0 },
  { name: 'writev', label: 'the sink has writev', choice: true, value: 0 },
  { name: 'profile', label: 'machine', options: [['strict', 'strict'], ['node', 'as Node is']], value: 'strict' },
  { name: 'seed', label: 'seed of chance', min: 1, max: 99, value: 10 },
];

const CALLS = [['write', 'write()'], ['cork', 'cork()'], ['uncork', 'uncork()'], ['end', 'end()'], ['destroy', 'destroy()'], ['fail', 'sink: fail']];

export class PlaygroundView {
  constructor({ scenario }, bar) {
    this.title = 'Playground';
    this.bar = bar;
    this.knobs = new Knobs(KNOBS, (name) => { if (ANEW.includes(name)) this.anew(); });
    this.lane = new Lane((frame) => bar.step(frame + 1));
    this.lamps = new Lamps();
    this.diagram = new Diagram();
    this.note = h('p', { class: 'note', 'aria-live': 'polite' });
    this.compare = h('a', {}, 'Compare this run with Node, step by step');
    const button = ([call, label]) => h('button', { type: 'button', 'data-call': call, onclick: () => this.call(call) }, label);
    this.element = h('article', { class: 'view playground' },
      h('div', { class: 'intro' }, h('h1', { tabindex: -1 }, 'Playground'),
        h('p', {}, prose('Press Play. Turn the knobs while it runs, and call what you like. The address keeps the run: send it to a friend.')),
        h('div', { class: 'calls', role: 'group', 'aria-label': 'calls' }, CALLS.map(button),
          h('button', { type: 'button', class: 'anew', onclick: () => this.anew() }, 'new stream')),
        this.note),
      h('div', { class: 'stage' }, h('div', { class: 'lanes', 'data-lanes': 1 }, this.lane.element)),
      h('div', { class: 'turned' }, this.knobs.element, h('p', { class: 'note' }, this.compare)),
      h('div', { class: 'side' }, this.diagram.element, this.lamps.element));
    this.live = { running: false, start: () => this.start(), stop: () => this.stop() };
    if (scenario) this.take(scenario);
    else this.open(new World(this.knobs.values));
  }

  // Replays a case and goes on from there.
  take(scenario) {
    this.knobs.set('high', scenario.o.hwm / 1024);
    this.knobs.set('low', (scenario.o.lw ?? 0) / 1024);
    this.knobs.set('writev', scenario.o.v ?? 0);
    this.open(new World(this.knobs.values, scenario));
  }

  open(world) {
    this.world = world;
    this.lane.open(world.lane, world.frames);
    this.note.textContent = '';
    this.link();
  }

  anew() {
    this.bar.stop();
    this.open(new World(this.knobs.values));
    this.bar.resize(this.steps, 0);
    history.replaceState(null, '', '#play');
  }

  call(name) {
    this.world.call(name);
    this.grown();
    if (!this.live.running) this.keep();
  }

  grown() {
    this.bar.resize(this.steps, this.steps - 1);
    if (this.world.full) {
      this.bar.stop();
      this.note.textContent = 'This run has as many turns as an address can keep. Make a new stream.';
    }
  }

  start() {
    if (this.live.running || this.world.full) return;
    this.live.running = true;
    let before = performance.now();
    this.timer = setInterval(() => {
      const now = performance.now();
      this.world.pass(Math.min(200, now - before));
      before = now;
      this.grown();
    }, TICK);
  }

  stop() {
    if (!this.live.running) return;
    clearInterval(this.timer);
    this.live.running = false;
    this.keep();
  }

  keep() {
    if (this.world.scenario.turns.length > 0) history.replaceState(null, '', addressOf('play', this.world.scenario));
    this.link();
  }

  link() {
    this.compare.href = addressOf('case', this.world.scenario);
  }

  get steps() {
    return this.world.frames.length + 1;
  }

  say(step) {
    const frame = this.world.frames[step - 1];
    return frame ? say(frame) : '';
  }

  show(step) {
    const { frames } = this.world;
    const at = step - 1;
    const begin = Math.max(0, (frames[at]?.time ?? 0) - WINDOW);
    let from = at + 1;
    while (from > 0 && frames[from - 1].time >= begin) from -= 1;
    this.lane.show(at, (n) => (frames[n].time - begin) / WINDOW, from);
    this.diagram.show(frames[at]?.now.phase ?? 'writable');
    this.lamps.show(frames, at);
  }
}
