// A program beside what happens, in JavaScript or Rust. The line at which it happens is lit.

import programs from 'page-data';
import { h } from './dom.mjs';

const NAMES = { js: 'JavaScript', rs: 'Rust' };

export class Program {
  constructor() {
    this.language = 'js';
    this.tabs = Object.entries(NAMES).map(([language, name]) => h('button', { type: 'button', 'data-language': language, onclick: () => this.choose(language) }, name));
    this.code = h('code', {});
    this.element = h('section', { class: 'program' },
      h('div', { class: 'tabs', role: 'group', 'aria-label': 'language' }, this.tabs), h('pre', { tabindex: 0 }, this.code));
  }

  open(name) {
    this.name = name;
    this.choose(this.language);
  }

  choose(language) {
    this.language = language;
    this.tabs.forEach((tab) => tab.setAttribute('aria-pressed', String(tab.dataset.language === language)));
    const lines = programs.programs[`${this.name}.${language}`];
    this.lines = lines.map(({ code, marks }) => ({ marks, element: h('span', { class: 'line' }, `${code}\n`) }));
    this.code.replaceChildren(...this.lines.map(({ element }) => element));
    this.light(this.lit ?? []);
  }

  light(marks) {
    this.lit = marks;
    this.lines.forEach((line) => line.element.classList.toggle('lit', line.marks.some((mark) => marks.includes(mark))));
  }
}
