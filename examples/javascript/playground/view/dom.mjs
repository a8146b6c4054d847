// Elements, and drawings that change a little at a time.

const SVG = 'http://www.w3.org/2000/svg';

// h('p', { class: 'note' }, 'text', element): an element. A property that begins with `on`
// is a listener.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null));
  return element;
}

// Text in which `code` stands between backquotes.
export const prose = (text) => text.split('`').map((part, n) => (n % 2 ? h('code', {}, part) : part));

// A drawing. `draw(shapes)` changes what differs: a shape keeps its element as long as its
// key is there, so that the style sheet can move it.
export class Drawing {
  constructor(width, height, label) {
    this.element = document.createElementNS(SVG, 'svg');
    this.element.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.element.setAttribute('role', 'img');
    this.label(label);
    this.known = new Map();
  }

  label(text) {
    this.element.setAttribute('aria-label', text);
  }

  draw(shapes) {
    const keys = new Set(shapes.map(({ key }) => key));
    for (const [key, { element }] of this.known) {
      if (keys.has(key)) continue;
      this.known.delete(key);
      this.leave(element);
    }
    for (const shape of shapes) this.put(shape);
  }

  // A chunk that leaves is seen to leave, unless the reader wants no motion.
  leave(element) {
    if (!element.classList.contains('chunk')) {
      element.remove();
      return;
    }
    element.classList.add('leaves');
    const gone = () => element.remove();
    const moves = element.getAnimations?.({ subtree: false }) ?? [];
    if (moves.length === 0) gone();
    else Promise.allSettled(moves.map(({ finished }) => finished)).then(gone);
  }

  put({ key, tag, text, ...attributes }) {
    let one = this.known.get(key);
    if (!one) {
      one = { element: document.createElementNS(SVG, tag), now: {} };
      this.known.set(key, one);
      this.element.append(one.element);
    }
    for (const [name, value] of Object.entries(attributes)) {
      if (one.now[name] === value) continue;
      one.now[name] = value;
      one.element.setAttribute(name, value);
    }
    if (text !== undefined && one.now.text !== text) one.element.textContent = one.now.text = text;
  }
}

const escape = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

// The same shapes as text, for a picture.
export const asText = (shapes) => shapes.map(({ key, tag, text, ...attributes }) => {
  const given = Object.entries(attributes).map(([name, value]) => ` ${name}="${escape(value)}"`).join('');
  return `<${tag}${given}>${escape(text ?? '')}</${tag}>`;
}).join('\n');

// Whether the reader wants no motion.
export const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
