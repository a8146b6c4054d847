'use strict';
// end() delivers what was written. destroy() drops it.
const { Writable } = require('stream');

const out = new Writable({
  write(chunk, encoding, done) { setImmediate(done); }, // [sink]
});
const tell = (name) => (error) => {
  console.log(name, error?.code ?? 'ok');
};

out.write('a', tell('a')); // [write] [callback]
out.write('b', tell('b'));
out.on('finish', () => console.log('finish')); // [finish]
out.on('close', () => console.log('close')); // [close]

if (process.argv[2] === 'destroy') out.destroy(); // [destroy]
else out.end(tell('end')); // [end]
