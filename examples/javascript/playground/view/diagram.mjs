// The state diagram of the specification (`spec/phases.svg`), with the phase lit.

import facts from 'page-data';
import { h } from './dom.mjs';

const LIT = '<style>svg{display:block;width:100%;height:auto}.lit{stroke-width:4;filter:saturate(2.2)}rect:not(.lit):not(.page):not(.frame){opacity:.55}</style>';

export class Diagram {
  constructor() {
    const place = h('div', {});
    this.root = place.attachShadow({ mode: 'open' });
    this.root.innerHTML = LIT + facts.diagram;
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
