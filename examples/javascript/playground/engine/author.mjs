// Makes a case while it runs: each action is a turn, and the author sees what came of it
// before the next one. The scenes and the playground are such cases.

import { Run } from './run.mjs';

export class Author {
  constructor(plan, profile) {
    this.scenario = { sink: 'm', ...plan, turns: [] };
    this.run = new Run(this.scenario, profile);
    this.times = []; // of each turn
    this.time = 0;
  }

  // Performs the actions as one turn. Returns its frames.
  turn(...actions) {
    this.scenario.turns.push(actions);
    this.times.push(this.time);
    const { length } = this.run.frames;
    this.run.step();
    return this.run.frames.slice(length);
  }

  // The stream as it is now. Before the first turn there is none.
  get now() {
    return this.run.streams[0].stream ? this.run.streams[0].now() : null;
  }

  get busy() {
    return this.run.streams[0].calls.some((call) => !call.answered);
  }

  get answeredAll() {
    return this.run.streams[0].unanswered() === null;
  }

  // Lets everything that is unanswered be answered, a round each.
  settle() {
    while (this.now && !this.answeredAll) {
      this.time += 1;
      this.turn(this.run.streams[0].unanswered());
    }
    return this;
  }

  // What the scene shows of it: the frames, each with its time. A frame after the last turn
  // has no time of its own.
  lane(more) {
    this.run.all();
    const last = this.times.at(-1) ?? 0;
    for (const frame of this.run.frames) frame.time = this.times[frame.turn] ?? last + 1;
    return { run: this.run, scenario: this.scenario, ...more };
  }
}
