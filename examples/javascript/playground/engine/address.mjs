// What the address says: `#scene/drain`, `#play`, `#play=CASE`, `#node/REORDERS`, `#case=CASE`.
// A case is in the notation of the tests.

import { NoCase, readScenario } from './scenario.mjs';

// The characters that an address may have as they are stay readable.
const encode = (text) => encodeURIComponent(text).replace(/%(3A|2C)/g, (code) => decodeURIComponent(code));

export const addressOf = (view, scenario) => `#${view}=${encode(JSON.stringify(scenario))}`;

// Returns { view, name, scenario }. Throws NoCase, with a sentence, for anything else.
export function readAddress(hash, { scenes, sections }) {
  const text = hash.replace(/^#/, '');
  if (text === '') return { view: 'scene', name: scenes[0] };
  const given = /^(play|case)=(.*)$/s.exec(text);
  if (given) return { view: given[1], scenario: readScenario(decode(given[2])) };
  if (text === 'play') return { view: 'play' };
  const [view, name] = text.split('/');
  if (view === 'scene' && scenes.includes(name)) return { view, name };
  if (view === 'node' && name === undefined) return { view, name: sections[0] };
  if (view === 'node' && sections.includes(name)) return { view, name };
  throw new NoCase('This address names nothing on this page.');
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new NoCase('This address is damaged: a % in it is followed by no code.');
  }
}
