// One stream on the page: the tank, the level over time, and what has happened.

import { Drawing, h } from './dom.mjs';
import { EMPTY, HEIGHT, WIDTH, tank } from './tank.mjs';
import * as level from './chart.mjs';
import { describe, kind, say } from './words.mjs';

const MOST_ITEMS = 150; // in the list; earlier ones leave it

export class Lane {
  // `go(index)` is called when the reader chooses a frame of the list.
  constructor(go) {
    this.go = go;
    this.tank = new Drawing(WIDTH, HEIGHT, 'tank');
    this.chart = new Drawing(level.WIDTH, level.HEIGHT, 'level over time');
    this.caption = h('figcaption', {});
    this.phase = h('span', { class: 'phase' });
    this.facts = h('p', { class: 'facts' });
    this.list = h('ol', { class: 'events', tabindex: 0 });
    this.element = h('section', { class: 'lane' },
      h('figure', {}, this.caption, this.tank.element),
      h('div', { class: 'level' }, this.chart.element), this.facts, this.list);
    this.items = [];
  }

  // Takes another run: { caption, scenario, stream, heeds, facts, profile }.
  open(lane, frames) {
    const plan = lane.scenario.streams?.[lane.stream] ?? lane.scenario;
    this.lane = lane;
    this.frames = frames;
    this.terms = { high: plan.o.hwm, low: lane.profile === 'node' ? 0 : plan.o.lw ?? 0, objects: Boolean(plan.o.obj), heeds: lane.heeds ?? true };
    this.start = { ...EMPTY, phase: plan.o.c ? 'opening' : 'writable' };
    this.caption.replaceChildren(lane.caption, this.phase);
    this.list.setAttribute('aria-label', `what happens: ${lane.caption}`);
    this.list.replaceChildren();
    this.items = [];
    this.most = [];
  }

  // Shows frame `at`; -1 is before the first. `x` are the places of the frames on the chart,
  // which begins with frame `from`.
  show(at, x, from = 0) {
    this.grow();
    const now = this.frames[at]?.now ?? this.start;
    const most = this.most[at] ?? 0;
    this.tank.draw(tank(now, this.terms, most, this.answer(at)));
    this.tank.label(describe(now, this.terms.high, this.terms.objects));
    const points = [[0, this.frames[from - 1]?.now.length ?? 0]];
    for (let n = from; n <= at; n++) points.push([x(n), this.frames[n].now.length]);
    this.chart.draw(level.chart(points, this.terms.high, this.most.at(-1) ?? 0));
    this.phase.textContent = now.phase;
    this.phase.className = `phase ${now.phase}`;
    this.facts.textContent = (this.lane.facts?.(this.frames.slice(0, at + 1)) ?? []).join(' · ');
    this.facts.hidden = !this.lane.facts;
    this.mark(at);
  }

  // The list and the longest levels, as far as there are frames.
  grow() {
    for (let n = this.items.length; n < this.frames.length; n++) {
      this.most.push(Math.max(this.most[n - 1] ?? 0, this.frames[n].now.length));
      const frame = this.frames[n];
      const broken = frame.broken.map(([name]) => name);
      const item = h('li', { class: `${kind(frame)}${broken.length ? ' broken' : ''}`, style: `--depth:${Math.min(frame.depth, 4)}` }, say(frame));
      if (n > 0 && this.frames[n - 1].turn !== frame.turn) item.classList.add('turn');
      if (broken.length) item.title = frame.broken.map(([name, why]) => `${name}: ${why}`).join('\n');
      item.addEventListener('click', () => this.go(n));
      this.items.push(item);
      this.list.append(item);
      if (n >= MOST_ITEMS) this.items[n - MOST_ITEMS].remove();
    }
  }

  mark(at) {
    this.marked?.removeAttribute('aria-current');
    this.items.slice(Math.max(0, at - 60)).forEach((item, n) => item.classList.toggle('later', Math.max(0, at - 60) + n > at));
    this.marked = this.items[at];
    if (!this.marked) {
      this.list.scrollTop = 0;
      return;
    }
    this.marked.setAttribute('aria-current', 'step');
    this.list.scrollTop = this.marked.offsetTop - this.list.clientHeight * 0.6;
  }

  // What the last write returned.
  answer(at) {
    for (let n = at; n >= 0 && n > at - 200; n--) {
      const { record } = this.frames[n];
      if (record.room !== undefined) return record.room;
    }
    return undefined;
  }
}
