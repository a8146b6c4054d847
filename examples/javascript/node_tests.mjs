// Runs Node's own tests that use streams with this Writable in the place of Node's:
//
//     node node_tests.mjs NODE/test
//
// NODE is the source of the Node that runs this. A test that fails is run again on Node's own
// Writable: if it fails there as well, it says nothing about this one. Exits 1 if a test fails
// with this Writable only, 2 without a folder of tests.

import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const INSTEAD = fileURLToPath(new URL('tests/instead.js', import.meta.url));
const LONGEST = 120_000; // milliseconds that a test may take

// The tests that take a Writable, or a stream that is one, from Node's module of streams. (A test
// that gets one from another module gets Node's own, in any case.)
function tests(folder) {
  const names = readdirSync(folder).filter((name) => /^test-.*\.m?js$/.test(name));
  return names.filter((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return /['"](node:)?stream['"]/.test(text) &&
      (/\bWritable\b/.test(text) || (name.startsWith('test-stream') && /\b(Duplex|Transform)\b/.test(text)));
  });
}

// Runs a test with the flags that its first lines ask for. Returns what it printed, or null if
// it passed.
function run(folder, name, options) {
  const flags = /^\/\/ Flags: (.*)$/m.exec(readFileSync(join(folder, name), 'utf8'))?.[1].split(' ') ?? [];
  const test = spawnSync(process.execPath, [...flags, ...options, name],
    { cwd: folder, encoding: 'utf8', timeout: LONGEST });
  return test.status === 0 ? null : test.stderr || String(test.error ?? test.signal);
}

function main([root]) {
  let folder;
  let names;
  try {
    folder = join(root, 'parallel');
    names = tests(folder);
  } catch (error) {
    console.error(`usage: node node_tests.mjs NODE/test (${error.message})`);
    return 2;
  }
  let [pass, fail, plain] = [0, 0, 0];
  for (const name of names) {
    const printed = run(folder, name, ['--require', INSTEAD]);
    if (printed === null) {
      pass += 1;
    } else if (run(folder, name, []) !== null) {
      plain += 1;
      console.log(`${name} fails on Node's own Writable`);
    } else {
      fail += 1;
      console.log(`${name} fails\n${printed}`);
    }
  }
  console.log(`RESULT node_tests node=${process.version} files=${names.length} pass=${pass} fail=${fail} plain_fail=${plain}`);
  return fail > 0 || pass === 0 ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
