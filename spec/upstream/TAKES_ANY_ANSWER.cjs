const { Writable } = require('stream');
const answers = [];
const s = new Writable({ write(chunk, _, callback) { answers.push(callback); } });
s.on('error', (error) => console.log('error', error.code));
s.write('a');
answers[0]();
s.write('b', (error) => console.log('b', error?.code ?? 'ok', 'of', answers.length, 'calls'));
answers[0]();
console.log('length', s.writableLength);
