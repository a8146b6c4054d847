const { Writable } = require('stream');
const s = new Writable({ write(chunk, _, callback) { callback(); } });
s.destroy();
s.end((error) => console.log('called', error?.code));
s.on('close', () => setImmediate(() => console.log('closed')));
