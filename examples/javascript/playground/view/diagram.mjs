// The state diagram of the specification (`spec/phases.svg`), with the phase lit.

import facts from 'page-data';
import { h } from './dom.mjs';

// Where it is small, the words beside the arrows could not be read.
const STYLE = `<style>
:host { display: block; container-type: inline-size }
svg { display: block; width: 100%; height: auto }
rect.page { fill: none }
.lit { stroke-width: 5 }
rect:not(.lit):not(.page):not(.frame) { opacity: .5 }
@container (max-width: 34rem) { .label, .note { display: none } .name { font-size: 21px } }
</style>`;

export class Diagram {
  constructor() {
    const place = h('div', {});
    this.root = place.attachShadow({ mode: 'open' });
    this.root.innerHTML = facts.diagram + STYLE;
    this.element = h('div', { class: 'diagram', tabindex: 0, role: 'group', 'aria-label': 'state diagram' }, place);
  }

  show(phase) {
    if (phase === this.phase) return;
    this.phase = phase;
    this.root.querySelector('.lit')?.classList.remove('lit');
    this.root.getElementById(phase)?.classList.add('lit');
    this.element.setAttribute('aria-label', `state diagram: the stream is ${phase}`);
  }
}
