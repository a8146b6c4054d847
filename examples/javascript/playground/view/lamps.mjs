// The invariants of the contract as lamps: green while one holds, red once it was broken.

import facts from 'page-data';
import { h } from './dom.mjs';

export class Lamps {
  constructor(title = '') {
    this.items = facts.invariants.map(({ name, statement }) => ({
      name, statement, element: h('li', { title: `${name}: ${statement}`, 'data-lamp': name }, h('span', {}, name)),
    }));
    this.why = h('p', { class: 'why', 'aria-live': 'polite' });
    this.element = h('section', { class: 'lamps', 'aria-label': `invariants ${title}` },
      h('ul', {}, this.items.map(({ element }) => element)), this.why);
  }

  // The lamps after the frames up to `at`.
  show(frames, at) {
    const broken = new Map(frames.slice(0, at + 1).flatMap((frame) => frame.broken).reverse());
    for (const { name, element } of this.items) {
      element.classList.toggle('red', broken.has(name));
      element.setAttribute('aria-label', `${name}: ${broken.has(name) ? 'broken' : 'holds'}`);
    }
    const [first] = [...broken].reverse();
    this.why.textContent = first ? `${first[0]}: ${first[1]}` : 'All invariants hold.';
    this.why.classList.toggle('red', Boolean(first));
  }
}
