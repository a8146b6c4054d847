// Completes the calls of the sink, one at a time, and collects the reports of the module.
// Compares them with a file. A panic in the module is a trap, and the report has its text.
const assert = require('assert');
const fs = require('fs');
const [file, expectations] = process.argv.slice(2);
const built = new WebAssembly.Module(fs.readFileSync(file));
// A module without imports cannot read the clock of Node.
assert.deepStrictEqual(WebAssembly.Module.imports(built), []);
const s = new WebAssembly.Instance(built).exports;
const report = () =>
  new TextDecoder().decode(new Uint8Array(s.memory.buffer, s.report(), s.report_len()));

const seen = [];
try {
  s.start();
  do {
    s.turn();
    seen.push(report());
  } while (s.complete());
} catch (trap) {
  assert.fail(`${trap}: ${report()}\nafter\n${seen.join('\n')}`);
}
const lines = fs.readFileSync(expectations, 'utf8').split('\n');
assert.deepStrictEqual(seen, lines.filter(line => line && !line.startsWith('#')));
