const { Writable } = require('stream');
let answer;
const s = new Writable({ write(chunk, _, callback) { answer = callback; } });
s.on('close', () => { console.log('close'); answer(); });
s.write('a', (error) => console.log('a', error?.code ?? 'ok'));
s.destroy();
