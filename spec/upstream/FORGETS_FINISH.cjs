const { Writable } = require('stream');
let answer;
const s = new Writable({
  write(chunk, _, callback) { if (answer) callback(); else answer = callback; },
});
s.on('finish', () => console.log('finish'));
s.write('a'); s.write('b'); s.end();
s.cork(); answer(); s.uncork();
setImmediate(() => console.log('length', s.writableLength, 'finished', s.writableFinished));
