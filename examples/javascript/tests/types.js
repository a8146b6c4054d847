'use strict';
// Compiles tests/types with TypeScript, and then with each planted fault of the types, which
// must not compile.
//
//     node tests/types.js NODE_MODULES
//
// NODE_MODULES has `typescript` and `@types/node`.

const { spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const root = path.join(__dirname, '..');
const NAMES = ['package.json', 'node.d.ts', 'node.d.mts', 'strict.d.ts', 'strict.d.mts', 'node.js', 'node.mjs',
  'strict.js', 'strict.mjs', 'tests/types'];

// File, text, what stands there instead.
const FAULTS = [
  ['node.d.ts', 'extends NodeWritable ', ''],
  ['node.d.ts', 'options?: WritableOptions)', 'options?: object)'],
  ['node.d.ts', '  export { WritableOptions };\n', ''],
  ['node.d.mts', 'export default Writable;\n', ''],
  ['strict.d.ts', '    limit?: number;\n', ''],
  ['strict.d.ts', 'lowWaterMark?: number', 'lowWaterMark?: string'],
  ['strict.d.mts', 'export { Writable };\n', ''],
  ['package.json', '"./node.d.mts"', '"./node.d.ts"'],
];

// Compiles a copy of what the compiler reads, with a fault if one is given. Returns what it says.
function compile(modules, [name, text, instead] = []) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'highwater-types-'));
  for (const one of NAMES) fs.cpSync(path.join(root, one), path.join(folder, one), { recursive: true });
  if (name) {
    const before = fs.readFileSync(path.join(folder, name), 'utf8');
    if (before.split(text).length !== 2) throw new Error(`${name} does not have this once: ${text}`);
    fs.writeFileSync(path.join(folder, name), before.replace(text, () => instead));
  }
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [path.join(modules, 'typescript/bin/tsc'),
    '-p', path.join(folder, 'tests/types'), '--typeRoots', path.join(modules, '@types'),
    ...(name ? ['--skipLibCheck'] : [])], { encoding: 'utf8' });
  fs.rmSync(folder, { recursive: true });
  if (error) throw error;
  return { compiles: status === 0, says: (stdout + stderr).trim() };
}

function main(modules) {
  const { compiles, says } = compile(modules);
  if (!compiles) {
    console.error(`types: ${says}`);
    return 1;
  }
  const missed = FAULTS.filter((fault) => compile(modules, fault).compiles);
  for (const [name, text] of missed) console.error(`types: missed without ${JSON.stringify(text)} in ${name}`);
  console.log(`types: the uses compile; ${FAULTS.length - missed.length} of ${FAULTS.length} planted faults are noticed`);
  return missed.length ? 1 : 0;
}

if (process.argv.length !== 3) {
  console.error('usage: node tests/types.js NODE_MODULES');
  process.exit(2);
}
process.exit(main(path.resolve(process.argv[2])));
