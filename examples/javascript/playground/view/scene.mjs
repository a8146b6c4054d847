// A scene: words, knobs, one or two lanes, and a program.

import { h, prose } from './dom.mjs';
import { Knobs } from './knobs.mjs';
import { Lanes } from './lanes.mjs';
import { Program } from './program.mjs';
import { marks, short } from './words.mjs';

const program = new Program();

// Bold where the text has two stars.
const rich = (text) => text.split('**').flatMap((part, n) => (n % 2 ? h('strong', {}, prose(part)) : prose(part)));

export class SceneView {
  constructor(scene, bar) {
    this.scene = scene;
    this.title = scene.title;
    this.pace = scene.pace;
    this.bar = bar;
    this.lanes = new Lanes((step) => bar.step(step));
    this.knobs = new Knobs(scene.knobs, () => this.turn());
    this.told = scene.told ? h('table', { class: 'heard' }) : null;
    program.open(scene.name);
    this.element = h('article', { class: 'view scene' },
      h('div', { class: 'intro' }, h('h1', { tabindex: -1 }, scene.title), scene.words.map((words) => h('p', {}, rich(words))),
        h('p', { class: 'look' }, rich(scene.look))),
      h('div', { class: 'stage' }, this.lanes.element), this.knobs.element, this.told, program.element,
      h('div', { class: 'after-words' }, h('h2', {}, 'What there was to see'), h('p', {}, rich(scene.after))));
    this.make();
  }

  make() {
    this.made = this.scene.make(this.knobs.values);
    this.lanes.open(this.made);
  }

  // A knob was turned: the same scene with another value, from its beginning.
  turn() {
    this.bar.stop();
    this.make();
    this.bar.resize(this.steps, 0);
  }

  say(step) {
    return this.lanes.say(step);
  }

  get steps() {
    return this.lanes.steps.length;
  }

  show(step) {
    this.lanes.show(step);
    const frame = this.lanes.frame(step, this.scene.follows);
    program.light(frame ? marks(frame) : []);
    if (this.told) this.tell(step);
  }

  // What each caller got so far.
  tell(step) {
    const lanes = this.lanes.frames.map((frames, lane) => heard(frames.slice(0, this.lanes.at(step, lane) + 1)));
    const head = h('tr', {}, h('th', { scope: 'col' }, 'caller'), this.made.map(({ caption }) => h('th', { scope: 'col' }, caption)));
    const rows = this.scene.told.map(([name, key]) => h('tr', {}, h('th', { scope: 'row' }, name), lanes.map((told) => cell(told.get(key)))));
    this.told.replaceChildren(h('thead', {}, head), h('tbody', {}, rows));
  }
}

function heard(frames) {
  const told = new Map();
  for (const { record } of frames) {
    if (record.is === 'callback') told.set(record.callee, record.told);
    if (record.is === 'event') told.set(record.name, 'emitted');
    if (record.is === 'error') told.set('error', record.code);
  }
  return told;
}

function cell(words) {
  if (words === undefined) return h('td', { class: 'nothing' }, '–');
  return h('td', { class: words === 'ok' || words === 'emitted' ? 'good' : 'bad' }, short(words));
}
