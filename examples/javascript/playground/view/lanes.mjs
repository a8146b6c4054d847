// Lanes side by side, which go on together.

import { align, firstDifference } from '../engine/align.mjs';
import { h } from './dom.mjs';
import { Lane } from './lane.mjs';
import { say } from './words.mjs';

export class Lanes {
  // `go(step)` is called when the reader chooses a step of a list.
  constructor(go) {
    this.go = go;
    this.lanes = [];
    this.element = h('div', { class: 'lanes' });
  }

  // Each: { run, scenario, caption, stream, ... }.
  open(list) {
    while (this.lanes.length < list.length) this.add(this.lanes.length);
    this.element.dataset.lanes = list.length;
    this.element.replaceChildren(...this.lanes.slice(0, list.length).map((lane) => lane.element));
    this.frames = list.map(({ run, stream = 0 }) => run.frames.filter((frame) => frame.stream === stream));
    this.steps = align(this.frames);
    // The first step at which a frame is shown.
    this.places = this.frames.map((frames, lane) => {
      const places = frames.map(() => 0);
      for (let step = this.steps.length - 1; step > 0; step--) places[this.steps[step][lane]] = step;
      return places;
    });
    list.forEach((one, n) => this.lanes[n].open(one, this.frames[n]));
  }

  add(index) {
    this.lanes.push(new Lane((frame) => this.go(this.places[index][frame])));
  }

  show(step) {
    const last = Math.max(1, this.steps.length - 1);
    this.steps[step].forEach((at, lane) => this.lanes[lane].show(at, (n) => this.places[lane][n] / last));
  }

  at(step, lane) {
    return this.steps[step][lane];
  }

  frame(step, lane) {
    return this.frames[lane][this.at(step, lane)];
  }

  // What a step brings to each lane.
  say(step) {
    const news = (lane) => step > 0 && this.at(step, lane) !== this.at(step - 1, lane);
    const words = (lane) => `${this.lanes[lane].lane.caption}: ${say(this.frame(step, lane))}`;
    return this.frames.map((_, lane) => (news(lane) ? words(lane) : null)).filter(Boolean).join('; ');
  }

  get firstDifference() {
    return this.frames.length === 2 ? firstDifference(this.frames, this.steps, say) : -1;
  }
}
