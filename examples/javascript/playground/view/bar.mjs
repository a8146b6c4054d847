// The bar at the foot of the page: to the view before and after, and to each step of this one.
// It never moves.

import { h, still } from './dom.mjs';

export class Bar {
  constructor() {
    this.steps = 0;
    this.at = 0;
    this.pace = 300;
    this.timer = null;
    const button = (name, label, run) => h('button', { type: 'button', id: name, 'aria-label': label, title: label, onclick: run });
    this.first = button('first', 'to the beginning', () => this.step(0));
    this.back = button('step-back', 'a step back', () => this.step(this.at - 1));
    this.play = button('go', 'play', () => (this.playing ? this.stop() : this.start()));
    this.next = button('step', 'a step on', () => this.step(this.at + 1));
    this.slider = h('input', { type: 'range', id: 'steps', min: 0, 'aria-label': 'step', oninput: () => this.step(Number(this.slider.value)) });
    this.count = h('output', { for: 'steps', id: 'count' });
    this.before = h('a', { class: 'before' });
    this.after = h('a', { class: 'after' });
    // What a step brings, for a reader who hears the page.
    this.status = h('p', { class: 'heard-only', role: 'status' });
    this.element = h('div', { class: 'bar' }, this.status, this.before,
      h('div', { class: 'transport', role: 'group', 'aria-label': 'steps' }, this.first, this.back, this.play, this.next, this.slider, this.count),
      this.after);
  }

  // `view`: { steps, pace, show(at), live } where a live view, which makes its steps as it
  // plays, has start() and stop().
  open(view, { before, after }) {
    this.stop();
    this.view = view;
    this.pace = view.pace ?? 300;
    this.link(this.before, before, '←');
    this.link(this.after, after, '→');
    this.resize(view.steps, 0);
  }

  link(element, to, arrow) {
    element.textContent = to ? (arrow === '←' ? `← ${to.short}` : `${to.short} →`) : '';
    element.toggleAttribute('hidden', !to);
    if (to) element.href = to.hash;
    else element.removeAttribute('href');
  }

  // The view has another number of steps now, and shows the one at `at`.
  resize(steps, at = this.at) {
    this.steps = steps;
    this.slider.max = Math.max(0, steps - 1);
    this.show(Math.min(at, steps - 1));
  }

  // The reader goes to a step.
  step(at) {
    this.stop();
    this.show(at);
    this.status.textContent = this.view.say(this.at);
  }

  show(at) {
    this.at = Math.max(0, Math.min(at, this.steps - 1));
    this.slider.value = this.at;
    this.count.textContent = `${this.at} of ${Math.max(0, this.steps - 1)}`;
    this.slider.setAttribute('aria-valuetext', `step ${this.count.textContent}`);
    this.view.show(this.at);
    this.first.disabled = this.back.disabled = this.at === 0;
    this.next.disabled = this.at >= this.steps - 1;
    this.face();
  }

  get playing() {
    return this.timer !== null || Boolean(this.view?.live?.running);
  }

  start() {
    this.bringToView();
    if (this.view.live) {
      this.view.live.start();
      this.face();
      return;
    }
    if (this.at >= this.steps - 1) this.show(0);
    this.timer = setInterval(() => {
      this.show(this.at + 1);
      if (this.at >= this.steps - 1) {
        this.stop();
        this.status.textContent = 'the end';
      }
    }, this.pace);
    this.face();
  }

  // On a phone the tank may be below the words. The bar itself does not move.
  bringToView() {
    const tank = this.view.element.querySelector('.lane figure').getBoundingClientRect();
    const hidden = tank.top < 0 || tank.bottom > this.element.getBoundingClientRect().top;
    if (!hidden) return;
    this.view.element.querySelector('.stage').scrollIntoView({ block: 'start', behavior: still() ? 'auto' : 'smooth' });
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.view?.live?.stop();
    this.face();
  }

  face() {
    const label = this.playing ? 'pause' : 'play';
    if (this.play.dataset.face === label) return;
    this.play.dataset.face = label;
    this.play.setAttribute('aria-label', label);
    this.play.title = label;
  }
}
