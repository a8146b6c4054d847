// What the page quotes from the project: the sections of spec/NODE.md, the quirks with their
// smallest cases, the invariants, the state diagram, and the programs beside the scenes.

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..', '..');
const text = (...path) => readFileSync(join(root, ...path), 'utf8');

// `## NAME: title`, words, a program, what it prints, and what highwater does.
function sections() {
  return text('spec', 'NODE.md').split('\n## ').slice(1).flatMap((section) => {
    const head = /^([A-Z_]+): (.*)\n/.exec(section);
    if (!head) return [];
    const [before, program, prints, after] = section.slice(head[0].length).split(/\n?```js\n|\n```\s*```text\n|\n```/);
    return [{ name: head[1], title: sentence(head[2]), before: plain(before), program, prints, after: plain(after) }];
  });
}

// A title begins with a capital letter, unless it begins with a call.
const sentence = (title) => (/^\w+\(/.test(title) ? title : title[0].toUpperCase() + title.slice(1));

const plain = (words) => words.trim().replace(/\n(?!\n)/g, ' ').replace(/ {2,}/g, '\n');

// Each quirk's doc comment has the invariants that it breaks and its smallest case, where the
// mark is 16 and there are no hooks.
function quirks() {
  const docs = text('src', 'machine', 'quirks.rs').matchAll(/((?: {4}\/\/\/.*\n)+) {4}pub const (\w+): Self = Self\(1/g);
  return new Map([...docs].map(([, doc, name]) => {
    const words = doc.replace(/^ *\/\/\/ ?/gm, '').replace(/\s+/g, ' ');
    const breaks = /Breaks ([\w, ]+): `/.exec(words)?.[1].split(', ') ?? [];
    return [name, { breaks, scenario: scenario(/: `([^`]*)`/.exec(words)?.[1] ?? '') }];
  }));
}

function scenario(notation) {
  const json = notation.startsWith('[') ? `"turns":[${notation}]` : notation.replace(/(\w+):(?=["[{\d])/g, '"$1":');
  const { sink = 'm', turns, on = {}, ...o } = JSON.parse(`{${json}}`);
  return { o: { hwm: 16, ...o }, sink, turns, on };
}

function invariants() {
  const rows = text('src', 'machine', 'mod.rs').matchAll(/^\/\/! \| ([A-Z]\w+) \| (.*) \|$/gm);
  return [...rows].map(([, name, statement]) => ({ name, statement: statement.replace(/`/g, '') }));
}

// A line may end in `// [name]`: the page marks it while that happens.
function programs() {
  const names = readdirSync(join(here, 'programs')).filter((name) => /\.(js|rs)$/.test(name));
  return Object.fromEntries(names.map((name) => {
    const lines = readFileSync(join(here, 'programs', name), 'utf8').trimEnd().split('\n');
    const shown = lines.filter((line) => !/^(\/\/!? |'use strict')/.test(line));
    while (shown[0] === '') shown.shift();
    return [name, shown.map((line) => {
      const marked = /^(.*?)\s*\/\/ ((?:\[[a-z -]+\] ?)+)$/.exec(line);
      return { code: marked ? marked[1] : line, marks: marked ? marked[2].match(/[a-z-]+/g) : [] };
    })];
  }));
}

export function data() {
  const known = quirks();
  const all = sections().map((section) => {
    const quirk = known.get(section.name);
    if (!quirk?.scenario.turns) throw new Error(`src/machine/quirks.rs has no case for ${section.name}`);
    return { ...section, ...quirk };
  });
  if (all.length !== known.size) throw new Error(`${all.length} sections of spec/NODE.md, ${known.size} quirks`);
  return { sections: all, invariants: invariants(), diagram: text('spec', 'phases.svg'), programs: programs() };
}
