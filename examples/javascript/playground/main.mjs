// The page: the address says what is shown.

import facts from 'page-data';
import { readAddress } from './engine/address.mjs';
import { NoCase } from './engine/scenario.mjs';
import { SCENES } from './scenes.mjs';
import { Bar } from './view/bar.mjs';
import { h } from './view/dom.mjs';
import { PlaygroundView } from './view/playground.mjs';
import { SceneView } from './view/scene.mjs';
import { VersusView } from './view/versus.mjs';

const STOPS = [
  ...SCENES.map(({ name, short }, n) => ({ hash: `#scene/${name}`, short, number: String(n + 1) })),
  { hash: '#play', short: 'Playground' },
  { hash: `#node/${facts.sections[0].name}`, short: 'Node or strict' },
];
const NAMES = { scenes: SCENES.map(({ name }) => name), sections: facts.sections.map(({ name }) => name) };

const bar = new Bar();
const place = h('main', { id: 'place' });
const wrong = h('p', { class: 'wrong', role: 'alert', hidden: true });
const links = STOPS.map(({ hash, short, number }) => h('a', { href: hash }, number ? h('b', {}, number) : null, short));

function viewOf(route) {
  if (route.view === 'scene') return new SceneView(SCENES.find(({ name }) => name === route.name), bar);
  if (route.view === 'play') return new PlaygroundView(route, bar);
  return new VersusView(route, bar);
}

function stopOf({ view, name }) {
  if (view === 'scene') return NAMES.scenes.indexOf(name);
  return view === 'play' ? SCENES.length : SCENES.length + 1;
}

// What an address that is none shows: the first scene, and a sentence.
function route() {
  try {
    const found = readAddress(location.hash, NAMES);
    if (found.view === 'play' && found.scenario?.streams) found.view = 'case';
    wrong.hidden = true;
    return found;
  } catch (error) {
    if (!(error instanceof NoCase)) throw error;
    wrong.textContent = `${error.message} Here is the first scene.`;
    wrong.hidden = false;
    return { view: 'scene', name: NAMES.scenes[0] };
  }
}

function open(first) {
  bar.stop();
  const found = route();
  const view = viewOf(found);
  const stop = stopOf(found);
  links.forEach((link, n) => {
    link.toggleAttribute('aria-current', false);
    if (n !== stop) return;
    link.setAttribute('aria-current', 'page');
    link.parentElement.scrollLeft = link.offsetLeft - link.parentElement.clientWidth / 2;
  });
  place.replaceChildren(view.element);
  bar.open(view, { before: STOPS[stop - 1], after: STOPS[stop + 1] });
  document.title = `${view.title} – a writable stream to play with`;
  if (first === true) return;
  scrollTo(0, 0);
  view.element.querySelector('h1').focus({ preventScroll: true });
}

// What the page needs and has not is said, not thrown.
try {
  document.body.replaceChildren(
    h('header', {}, h('a', { class: 'name', href: '#scene/drain' }, 'A writable stream, to play with'), h('nav', { 'aria-label': 'contents' }, links)),
    wrong, place, h('footer', {}, bar.element));
  addEventListener('hashchange', open);
  open(true);
} catch (error) {
  document.body.replaceChildren(h('p', { class: 'wrong', role: 'alert' }, `This page cannot run here: ${error.message}`));
  throw error;
}
