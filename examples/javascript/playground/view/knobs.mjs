// The knobs of a view: numbers that slide, choices, and lists.

import { h } from './dom.mjs';

export class Knobs {
  // `changed(name)` is called when the reader has turned one; `values` has all of them.
  constructor(list, changed) {
    this.values = {};
    this.inputs = new Map();
    this.element = h('form', { class: 'knobs', onsubmit: (event) => event.preventDefault() },
      list.map((knob) => this.knob(knob, changed)));
  }

  knob(knob, changed) {
    const { name, label, choice, options } = knob;
    this.values[name] = knob.value;
    // No `output`: a label would name that, and not the slider.
    const shown = h('b', {}, String(knob.value));
    const take = (input) => {
      this.values[name] = choice ? Number(input.checked) : options ? input.value : Number(input.value);
      shown.textContent = input.value;
      changed(name);
    };
    if (options) {
      const list = h('select', { name, onchange: (event) => take(event.target) }, options.map(([value, text]) => h('option', { value }, text)));
      list.value = knob.value;
      this.inputs.set(name, list);
      return h('label', { class: 'knob' }, h('span', {}, label), list);
    }
    if (choice) {
      const box = h('input', { type: 'checkbox', name, checked: Boolean(knob.value), onchange: (event) => take(event.target) });
      this.inputs.set(name, box);
      return h('label', { class: 'knob choice' }, box, h('span', {}, label));
    }
    const slider = h('input', { type: 'range', name, min: knob.min, max: knob.max, step: knob.step ?? 1, value: knob.value, oninput: (event) => take(event.target) });
    this.inputs.set(name, slider);
    return h('label', { class: 'knob' }, h('span', {}, shown, ` ${label}`), slider);
  }

  // Sets one without a word to the view. The slider grows if it must.
  set(name, value) {
    const input = this.inputs.get(name);
    this.values[name] = value;
    if (input.type === 'checkbox') {
      input.checked = Boolean(value);
      return;
    }
    if (input.type === 'range' && value > Number(input.max)) input.max = value;
    input.value = value;
    const shown = input.closest('label').querySelector('b');
    if (shown) shown.textContent = Number(value.toFixed(3));
  }
}
