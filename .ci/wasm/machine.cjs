const assert = require('assert');
const fs = require('fs');
const [file, drains] = process.argv.slice(2);
const built = new WebAssembly.Module(fs.readFileSync(file));
assert.deepStrictEqual(WebAssembly.Module.imports(built), []);
const s = new WebAssembly.Instance(built).exports;
const seen = (what, is, due) => assert.strictEqual(is, due, `${what}: ${is}, not ${due}`);

s.write(0); s.written(); s.ticks(); // nothing of it stays
seen('room', s.write(6), 1);
seen('wait', s.write(6), 0);
seen('length', s.length(), 12);
s.written(); s.ticks();
seen('length after one', s.length(), 6);
seen('drains, too early', s.drains(), 0);
s.written(); s.ticks();
seen('drains', s.drains(), Number(drains));
seen('room again', s.write(3), 1);
s.end(); s.ticks();
seen('finished, too early', s.finished(), 0);
s.written(); s.ticks();
seen('finished', s.finished(), 1);
seen('after end', s.write(1), 2);
