'use strict';
// The sink fails at the third chunk. Each caller learns of it.
const { Writable } = require('stream');

let calls = 0;
const out = new Writable({
  write(chunk, encoding, done) { // [sink]
    const error = ++calls === 3 ? new Error('disk full') : null;
    setImmediate(done, error); // [answer]
  },
});
const tell = (name) => (error) => {
  console.log(name, error?.message ?? 'ok');
};

for (const name of ['a', 'b', 'c', 'd', 'e']) {
  out.write(name, tell(name)); // [write] [callback]
}
out.on('error', (error) => console.log('error', error.message)); // [error]
out.on('close', () => console.log('close')); // [close]
