// The same case in Node and in the strict machine, step by step, with the lamps of each.

import facts from 'page-data';
import { addressOf } from '../engine/address.mjs';
import { play } from '../engine/run.mjs';
import { NoCase, readScenario } from '../engine/scenario.mjs';
import { h, prose } from './dom.mjs';
import { Lamps } from './lamps.mjs';
import { Lanes } from './lanes.mjs';

const PROFILES = [['node', 'Node'], ['strict', 'strict']];

// The lanes of a case: both profiles, or all streams of one.
function lanesOf(scenario) {
  if (!scenario.streams) {
    return PROFILES.map(([profile, caption]) => ({ run: play(scenario, profile), scenario, profile, caption, stream: 0 }));
  }
  const run = play(scenario, 'node');
  return scenario.streams.map((_, stream) => ({ run, scenario, profile: 'node', caption: `Node, stream ${stream}`, stream }));
}

export class VersusView {
  constructor({ name, scenario }, bar) {
    this.bar = bar;
    this.pace = 700;
    this.section = facts.sections.find((section) => section.name === name);
    this.scenario = scenario ?? this.section.scenario;
    this.title = this.section ? this.section.title : 'A case';
    this.lanes = new Lanes((step) => bar.step(step));
    this.made = lanesOf(this.scenario);
    this.lanes.open(this.made);
    this.lamps = this.made.map(({ caption }) => new Lamps(caption));
    this.lanes.lanes.slice(0, this.made.length).forEach((lane, n) => lane.facts.after(this.lamps[n].element));
    this.element = h('article', { class: 'view versus' },
      h('div', { class: 'intro' }, this.words(), this.toDifference()),
      h('div', { class: 'stage' }, this.lanes.element), this.program(), this.text(),
      h('nav', { class: 'sections', 'aria-label': 'where Node breaks its contract' }, this.list()));
  }

  words() {
    if (!this.section) {
      const words = this.scenario.streams
        ? 'The streams of this case act on each other. The machine plays them as Node is; their ticks run in one order.'
        : 'The machine plays this case in two profiles: as Node is, and strict.';
      return [h('h1', { tabindex: -1 }, 'A case, step by step'), h('p', {}, words)];
    }
    const { title, before, after, breaks } = this.section;
    const paragraphs = (words) => words.split('\n\n').filter(Boolean).map((one) => h('p', {}, prose(one)));
    return [
      this.kicker(), h('h1', { tabindex: -1 }, prose(title)), paragraphs(before), paragraphs(after),
      h('p', { class: 'note' }, breaks.length ? `This can break ${breaks.join(', ')}.` : 'No invariant is broken: only the order of ticks is another one.'),
    ];
  }

  program() {
    if (!this.section) return null;
    const { program, prints } = this.section;
    return h('details', { open: true }, h('summary', {}, 'The smallest program, and what Node prints'),
      h('pre', { tabindex: 0 }, program), h('pre', { class: 'prints', tabindex: 0 }, prints));
  }

  // Which section this is, with links to the one before and after.
  kicker() {
    const { sections } = facts;
    const at = sections.indexOf(this.section);
    const link = (section, arrow, label) => (section
      ? h('a', { href: `#node/${section.name}`, 'aria-label': label, title: section.title }, arrow) : h('span', {}, arrow));
    return h('p', { class: 'kicker' }, `Node or strict: ${at + 1} of ${sections.length}`,
      h('span', { class: 'around' }, link(sections[at - 1], '←', 'the section before'), link(sections[at + 1], '→', 'the next section')));
  }

  toDifference() {
    const at = this.lanes.firstDifference;
    if (this.made.length !== 2 || this.scenario.streams) return null;
    if (at < 0) return h('p', { class: 'note' }, 'In this case Node and strict do the same.');
    return h('p', { class: 'jump' }, h('button', { type: 'button', onclick: () => this.bar.step(at) }, `Go to the first difference: step ${at}`));
  }

  // The case as text, to be changed, and the trace as the tests write it.
  text() {
    const field = h('textarea', { id: 'case', rows: 4, spellcheck: 'false', 'aria-label': 'the case' }, JSON.stringify(this.scenario));
    const wrong = h('p', { class: 'wrong', role: 'alert' });
    const open = () => {
      try {
        location.hash = addressOf('case', readScenario(field.value));
      } catch (error) {
        if (!(error instanceof NoCase)) throw error;
        wrong.textContent = error.message;
      }
    };
    const runs = [...new Map(this.made.map((lane) => [lane.run, lane])).values()];
    return h('div', { class: 'text' },
      h('h2', {}, 'The case'), h('p', {}, 'In the notation of the project\'s tests. The address has it too.'), field,
      h('p', {}, h('button', { type: 'button', onclick: open }, 'Play this case'), ' ', this.scenario.streams ? null : h('a', { href: addressOf('play', this.scenario) }, 'Open it in the playground')), wrong,
      h('details', { class: 'traces' }, h('summary', {}, 'The traces, as the tests write them'),
        runs.map(({ run, profile }) => h('pre', { 'data-trace': profile, tabindex: 0 }, run.trace.join('\n')))));
  }

  list() {
    return [h('h2', {}, 'All sections'), h('ol', {}, facts.sections.map(({ name, title }) => h('li', {},
      h('a', { href: `#node/${name}`, 'aria-current': name === this.section?.name ? 'page' : null }, prose(title)))))];
  }

  say(step) {
    return this.lanes.say(step);
  }

  get steps() {
    return this.lanes.steps.length;
  }

  show(step) {
    this.lanes.show(step);
    this.lamps.forEach((lamps, lane) => lamps.show(this.lanes.frames[lane], this.lanes.at(step, lane)));
  }
}
