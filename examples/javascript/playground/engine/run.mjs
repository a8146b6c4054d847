// One run of a case on one profile: the trace, and the frames that the page draws.

import { Buffer } from 'buffer';
import kit from '../../kit/play.js';
import node from '../../node.js';
import strict from '../../strict.js';
import { process, runTicks } from '../shims/process.mjs';
import { Watched } from './watch.mjs';

export const PROFILES = { node, strict };

// What has no frame of its own: that a call has returned is seen from what comes next.
const UNSEEN = ['returned', 'ended'];

export class Run {
  constructor(scenario, profile) {
    this.profile = profile;
    this.frames = [];
    this.trace = null; // once all is over
    this.turn = 0;
    this.later = [];
    const host = {
      Writable: PROFILES[profile],
      nextTick: process.nextTick,
      setImmediate: (run) => this.later.push(run),
      chunk: (length) => Buffer.alloc(length),
      Player: Watched,
      watched: [],
      frame: (...seen) => this.frame(...seen),
      turnOver: (player) => { if (player.index === 0) this.turn += 1; },
    };
    this.streams = host.watched;
    kit.highwaterKit(host)(scenario, (lines) => this.finish(lines));
  }

  // Runs one turn, and all its ticks.
  step() {
    this.later.shift()();
    runTicks();
  }

  all() {
    while (this.later.length > 0) this.step();
    return this;
  }

  frame(player, record, now, broken) {
    const last = this.frames.at(-1);
    if (UNSEEN.includes(record.is)) {
      if (last && last.stream === player.index) Object.assign(last, { now, broken: [...last.broken, ...broken] });
      return;
    }
    const frame = { stream: player.index, turn: this.turn, depth: player.depth - (record.is === 'wrote' ? 1 : 0), record, now, broken };
    // A write during which nothing else happens is one frame.
    if (record.is === 'wrote' && last?.record.is === 'write' && last.record.number === record.number) {
      last.record.room = record.room;
      Object.assign(last, { now, broken: [...last.broken, ...broken] });
      return;
    }
    this.frames.push(frame);
  }

  finish(lines) {
    this.trace = lines;
    const answered = this.streams.every((player) => player.unanswered() === null);
    for (const player of this.streams) {
      const now = player.now();
      const broken = player.judge.lookBack(now, answered);
      this.frames.push({ stream: player.index, turn: this.turn, depth: 0, record: { is: 'over' }, now, broken });
    }
  }
}

export const play = (scenario, profile) => new Run(scenario, profile).all();
