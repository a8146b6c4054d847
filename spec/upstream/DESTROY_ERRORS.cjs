const { Writable } = require('stream');
const s = new Writable({
  write(chunk, _, callback) { s.destroy(); callback(); },
});
s.on('close', () => console.log('close'));
s.cork();
s.write('a');
s.write('b', (error) => console.log('b', error.code));
s.uncork();
console.log('errored', s.errored?.code);
