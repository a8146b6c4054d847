// The scenes: one idea each. A scene has words, knobs, and makes one or two lanes, which are
// cases for the machine.

import { Author } from './engine/author.mjs';
import { size } from './view/words.mjs';

const KB = 1024;
const CHUNK = 4 * KB;
const MOST_ROUNDS = 200; // no scene is so long, unless a 'drain' never comes

// What a lane adds up to, up to the frame that is shown.
const most = (frames) => `most: ${size(Math.max(0, ...frames.map(({ now }) => now.length)))}`;
const calls = (frames) => `calls of the sink: ${frames.at(-1)?.now.calls ?? 0}`;

// A producer and a sink, round by round: the producer writes `burst` chunks, or as many as it
// may, and the sink takes one. After a 'drain' the producer needs `pause` rounds.
function rounds({ chunks, burst, pause = 0, heeds, o, profile }) {
  const author = new Author({ o }, profile);
  let left = chunks;
  let resumes = 0; // the round in which the producer writes again
  let ended = false;
  const idle = []; // rounds
  while ((!ended || author.busy) && author.time < MOST_ROUNDS) {
    author.time += 1;
    for (let n = 0; n < burst && left > 0 && author.time >= resumes; n++) {
      const frames = author.turn(`w${CHUNK}n`);
      left -= 1;
      const answered = frames.find(({ record }) => record.room !== undefined);
      if (heeds && !answered.record.room) resumes = Infinity;
    }
    if (left === 0 && !ended) {
      author.turn('e-n');
      ended = true;
    }
    if (!author.busy) {
      if (!ended) idle.push(author.time);
      continue;
    }
    const drained = author.turn('k0').some(({ record }) => record.name === 'drain');
    if (drained) resumes = author.time + 1 + pause;
  }
  return { author, idle };
}

const drain = {
  name: 'drain',
  title: 'When write() says false',
  short: 'Drain',
  words: [
    'A stream stands between a producer and a slow sink, such as a disk or a socket. What the producer writes waits in the tank. A chunk leaves it when the sink is done with it.',
    '`write()` returns true while there is room, and **false** once the level has reached the mark. False refuses nothing: it asks the producer to wait. When the tank is empty, the stream emits **\'drain\'**.',
  ],
  look: 'Press Play. One producer ignores false. The other one waits for \'drain\'. Watch the level.',
  after: 'Both deliver the same 24 chunks in the same time, because the sink sets the pace. But the first one needs much more memory, and with a longer file there is no end to it. That is what \'drain\' is for.',
  knobs: [{ name: 'burst', label: 'chunks written while the sink takes one', min: 1, max: 8, value: 4 }],
  pace: 170,
  follows: 1,
  make({ burst }) {
    const lane = (heeds, caption) => {
      const { author } = rounds({ chunks: 24, burst, heeds, o: { hwm: 16 * KB }, profile: 'strict' });
      return author.lane({ caption, heeds, facts: (frames) => [most(frames)] });
    };
    return [lane(false, 'ignores false'), lane(true, 'waits for \'drain\'')];
  },
};

const marks = {
  name: 'marks',
  title: 'What the marks do',
  short: 'Marks',
  words: [
    'The high-water mark says when `write()` returns false. It is no hard limit: the chunk that crosses it is accepted. A higher mark means fewer pauses and more memory.',
    'Node emits \'drain\' at level 0. Then the sink has nothing to do until the producer is back. With a **low-water mark** \'drain\' comes earlier, while there is still some work left for the sink.',
  ],
  look: 'After a \'drain\' this producer needs a moment to fetch more data. Press Play, and count the rounds in which the sink is idle.',
  after: 'Set the low-water mark to 0 and both lanes are the same. Set it just below the high one and \'drain\' comes after each chunk: never idle, but many wake-ups. About half is a good choice.',
  knobs: [
    { name: 'high', label: 'KB: high-water mark', min: 8, max: 32, step: 4, value: 16 },
    { name: 'low', label: 'KB: low-water mark', min: 0, max: 28, step: 4, value: 8 },
  ],
  pace: 220,
  follows: 1,
  make({ high, low }) {
    const lane = (mark, caption) => {
      const o = { hwm: high * KB, lw: mark * KB };
      const { author, idle } = rounds({ chunks: 20, burst: 8, pause: 1, heeds: true, o, profile: 'strict' });
      const idleUntil = (frames) => idle.filter((round) => round <= (frames.at(-1)?.time ?? 0)).length;
      const drains = (frames) => frames.filter(({ record }) => record.name === 'drain').length;
      return author.lane({
        caption,
        heeds: true,
        facts: (frames) => [`sink idle: ${idleUntil(frames)} rounds`, `drains: ${drains(frames)}`],
      });
    };
    return [lane(0, '\'drain\' at 0'), lane(Math.min(low, high - 4), `'drain' at ${Math.min(low, high - 4)} KB`)];
  },
};

const cork = {
  name: 'cork',
  title: 'Cork: many writes, one call',
  short: 'Cork',
  words: [
    'A call of the sink is often expensive: a system call, a packet. Small writes that belong together should reach it together.',
    '`cork()` holds what is written. `uncork()` lets it go. A sink with a `writev` gets all of it in one call; without `writev` it still gets it chunk by chunk.',
  ],
  look: 'Press Play. Both lanes write the same pieces. Count the calls of the sink.',
  after: 'A cork does not suspend the mark: corked chunks count, and `write()` may return false. `end()` pulls all corks. A cork that is never pulled holds its data for ever, so uncork in the same place where you cork.',
  knobs: [{ name: 'pieces', label: 'pieces', min: 2, max: 12, value: 5 }],
  pace: 380,
  follows: 1,
  make({ pieces }) {
    const lane = (corked, caption) => {
      const author = new Author({ o: { hwm: KB, v: 1 }, sink: 't' }, 'strict');
      const next = (action) => {
        author.time += 1;
        author.turn(action);
      };
      if (corked) next('c');
      else author.time += 1;
      for (let n = 0; n < pieces; n++) next('w120n');
      if (corked) next('u');
      return author.settle().lane({ caption, heeds: true, facts: (frames) => [calls(frames)] });
    };
    return [lane(false, 'without a cork'), lane(true, 'with a cork')];
  },
};

// Four writes, of which the sink does one; then `last`.
function stopped(last) {
  const author = new Author({ o: { hwm: 20 * KB } }, 'strict');
  for (const action of [...Array(4).fill(`w${CHUNK}o`), 'k0', last]) {
    author.time += 1;
    author.turn(action);
  }
  return author.settle();
}

const end = {
  name: 'end',
  title: 'End or destroy',
  short: 'End',
  words: [
    '`end()` says: no more data will come. What is in the tank is still written. Then the stream emits \'finish\', releases its resource, and emits \'close\'.',
    '`destroy()` says: stop now. What is in the tank is dropped, and \'finish\' never comes. The stream only emits \'close\'.',
  ],
  look: 'Four writes, each with a callback. The sink has done one of them when the producer calls `end()`, or `destroy()`. Press Play, and see what each caller gets.',
  after: 'Each callback is called once. One with ok means: the sink has written this chunk. A plain `destroy()` is no failure, so no \'error\' is emitted; the callbacks get the code ERR_STREAM_DESTROYED.',
  knobs: [{ name: 'error', label: 'destroy with an error', choice: true, value: 0 }],
  pace: 480,
  follows: 0,
  told: [['write 1', 'w1'], ['write 2', 'w2'], ['write 3', 'w3'], ['write 4', 'w4'], ['end', 'e5'], ['\'finish\'', 'finish'], ['\'error\'', 'error'], ['\'close\'', 'close']],
  make({ error }) {
    return [
      stopped('e-o').lane({ caption: 'end()', facts: (frames) => [calls(frames)] }),
      stopped(error ? 'd1' : 'd0').lane({ caption: error ? 'destroy(error)' : 'destroy()', facts: (frames) => [calls(frames)] }),
    ];
  },
};

const error = {
  name: 'error',
  title: 'An error in the middle',
  short: 'Error',
  words: [
    'The disk is full, the peer is gone: a call of the sink fails with an error, here E1. From then on the stream gives it nothing more.',
    'The callback of the failed write gets the error, and so do the callbacks of all that waits behind it. Then the stream emits \'error\', once, and \'close\'. What was written before stays written.',
  ],
  look: 'Five writes, each with a callback, and then one write too late. Choose which call of the sink fails. Press Play, and see what each caller gets.',
  after: 'The first error wins: it stays in `errored`, and each later call is refused with it or with ERR_STREAM_DESTROYED. So the cause is never lost, and no callback is forgotten.',
  knobs: [{ name: 'fails', label: 'is the call of the sink that fails', min: 1, max: 5, value: 3 }],
  pace: 480,
  follows: 0,
  told: [...[1, 2, 3, 4, 5].map((n) => [`write ${n}`, `w${n}`]), ['too late', 'w6'], ['\'finish\'', 'finish'], ['\'error\'', 'error'], ['\'close\'', 'close']],
  make({ fails }) {
    const author = new Author({ o: { hwm: 32 * KB } }, 'strict');
    const next = (action) => {
      author.time += 1;
      author.turn(action);
    };
    for (let n = 0; n < 5; n++) next(`w${CHUNK}o`);
    for (let n = 1; n < fails; n++) next('k0');
    next('k1');
    next(`w${CHUNK}o`);
    return [author.settle().lane({ caption: `call ${fails} of the sink fails`, facts: (frames) => [calls(frames)] })];
  },
};

export const SCENES = [drain, marks, cork, end, error];
