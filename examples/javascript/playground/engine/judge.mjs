// The lamps: reads what happened to one stream and says which invariants of the contract it
// broke. It knows nothing of the machine. It keeps a plain list of chunks and believes only
// its own count, as `tests/testkit/src/judge.rs` does.

export class Judge {
  constructor({ high, low, objects, emitClose, construct, final }) {
    this.terms = { high, low, objects, emitClose };
    this.broken = [];
    this.before = { writable: true, length: 0 };
    this.refused = new Set(); // numbers of writes and ends whose chunk was refused
    this.queue = []; // accepted, not with the sink, in order: [number, length]
    this.flight = []; // with the sink, unanswered, not taken back
    this.takenBack = [];
    this.unanswered = null; // the sink call that is unanswered, if one is
    this.calls = 0;
    this.written = new Set();
    this.accepted = new Set();
    this.corked = 0;
    this.openEnds = 0;
    this.constructed = construct ? null : true;
    this.finalized = final ? null : true;
    this.waits = false; // a write returned false since the last 'drain'
    this.openCalls = new Set(); // calls that have begun and not returned
    this.owed = new Set(); // callbacks that are not called yet, w3 or e4
    this.owedShared = { sA: 0, sB: 0 };
    this.ofDestroyed = new Set(); // ends that returned after destroy
    this.endAccepted = false;
    this.finishTold = false;
    this.errorsTold = 0;
    this.closeTold = false;
  }

  // Returns what this record breaks: [[invariant, why], ...].
  see(record, now) {
    this.broken = [];
    if (now.destroyed && !this.before.destroyed) this.takenBack.push(...this.flight.splice(0));
    // An end uncorks fully, somewhere in the middle of its call.
    if (this.openEnds > 0 && now.corked === 0) this.corked = 0;
    this[record.is]?.(record, now);
    this.seeProperties(now);
    // What begins takes effect only after its record.
    if (!['write', 'end', 'sinkAnswers'].includes(record.is)) this.seeLength(now);
    this.before = now;
    return this.broken;
  }

  breakIf(broken, invariant, why) {
    if (broken) this.broken.push([invariant, why]);
  }

  write({ number, len, callback, refused }) {
    this.openCalls.add(number);
    this.accept(number, len, refused);
    if (callback === 'a' || callback === 'b') this.owedShared[`s${callback.toUpperCase()}`] += 1;
    else if (callback === 'o') this.owed.add(`w${number}`);
  }

  end({ number, len, callback, refused }) {
    this.openCalls.add(number);
    if (len !== null) this.accept(number, len, refused);
    this.openEnds += 1;
    if (callback) this.owed.add(`e${number}`);
  }

  accept(number, len, refused) {
    const { before } = this;
    if (refused) {
      this.refused.add(number);
      // Too long: a drain is owed if anything is there.
      this.waits ||= before.writable && before.length > 0;
      return;
    }
    const late = before.ended || before.destroyed || before.errored;
    this.breakIf(late, 'NoWriteAfterEnd', 'A chunk was accepted too late.');
    this.queue.push([number, this.measure(len)]);
    this.accepted.add(number);
  }

  measure(len) {
    return this.terms.objects ? 1 : len;
  }

  wrote({ number, room }, now) {
    this.openCalls.delete(number);
    const full = now.length >= this.terms.high && now.length > 0;
    if (this.refused.has(number)) {
      this.breakIf(room, 'AnswerTruthful', 'A refused write returned true.');
      return;
    }
    const stopped = now.destroyed || now.errored;
    this.breakIf(room === Boolean(full || stopped), 'AnswerTruthful', `write() returned ${room} at a length of ${now.length}.`);
    this.waits ||= full;
  }

  ended({ number }, now) {
    this.openEnds -= 1;
    this.openCalls.delete(number);
    if (now.destroyed) this.ofDestroyed.add(`e${number}`);
    this.endAccepted ||= !this.refused.has(number) && now.ended;
  }

  cork() {
    this.corked += 1;
  }

  uncork() {
    this.corked = Math.max(0, this.corked - 1);
  }

  sink({ chunks }, now) {
    const stopped = now.destroyed || now.errored || this.constructed !== true;
    this.breakIf(stopped, 'NothingSentAfterFailure', 'The sink got a chunk although the stream has failed.');
    this.breakIf(this.corked > 0, 'CorkHolds', 'The sink got a chunk although the stream is corked.');
    this.breakIf(this.unanswered !== null, 'OneAtATime', 'The sink got a chunk before it had answered.');
    this.breakIf(this.closeTold, 'CloseLast', "The sink got a chunk after 'close'.");
    this.unanswered = this.calls++;
    this.flight = [];
    for (const [number, len] of chunks) {
      const next = this.queue.shift();
      this.breakIf(next?.[0] !== number, 'OrderKept', `The sink got chunk ${number}, and chunk ${next?.[0] ?? '?'} was next.`);
      this.flight.push([number, this.measure(len)]);
    }
  }

  sinkAnswers({ call, ok, again }) {
    if (again || this.unanswered !== call) return;
    this.unanswered = null;
    for (const [number] of [...this.flight.splice(0), ...this.takenBack.splice(0)]) {
      if (ok) this.written.add(number);
    }
  }

  finalAnswers({ ok }) {
    this.finalized ??= ok;
  }

  constructAnswers({ ok }) {
    this.constructed ??= ok;
  }

  callback({ callee, told }, now) {
    const once = (broken, why) => this.breakIf(broken, 'CallbackOnce', why);
    if (callee.startsWith('s')) {
      once(this.owedShared[callee] === 0, 'A shared callback was called too often.');
      this.owedShared[callee] = Math.max(0, this.owedShared[callee] - 1);
      return;
    }
    const number = Number(callee.slice(1));
    const ofWrite = callee[0] === 'w';
    const ok = told === 'ok';
    once(!this.owed.delete(callee), `The callback of call ${number} was called twice.`);
    this.breakIf(this.openCalls.has(number), 'CallbackLater', `Call ${number} had not returned.`);
    once(ok && !(ofWrite ? this.written.has(number) : now.finished), `Call ${number} got ok, and nothing was written.`);
    once(!ok && !this.refused.has(number) && now.writable, `Call ${number} got an error, and nothing has failed.`);
    const excused = ofWrite ? this.refused.has(number) : this.ofDestroyed.has(callee);
    this.breakIf(this.closeTold && !excused, 'CloseLast', "A callback was called after 'close'.");
  }

  error() {
    this.noEventAfterClose();
    this.errorsTold += 1;
    this.breakIf(this.errorsTold > 1, 'ErrorOnce', "The stream emitted a second 'error'.");
  }

  event({ name }, now) {
    this.noEventAfterClose();
    if (name === 'drain') {
      const early = !this.waits || now.length > this.terms.low || now.ended || now.destroyed || now.errored;
      this.breakIf(early, 'DrainEarned', "No producer waits for this 'drain'.");
      this.waits = false;
    } else if (name === 'finish') {
      const all = this.queue.length === 0 && this.flight.length === 0 && now.length === 0;
      const told = ![...this.owed].some((callee) => this.accepted.has(Number(callee.slice(1))));
      const right = now.ended && all && told && this.finalized === true && !this.finishTold;
      this.breakIf(!right, 'FinishFlushed', "'finish' came too soon.");
      this.finishTold = true;
    } else if (name === 'close') {
      this.closeTold = true;
    }
  }

  noEventAfterClose() {
    this.breakIf(this.closeTold, 'CloseLast', "An event came after 'close'.");
  }

  // A stopped stream drops its queue without a word, so then the length is not counted.
  seeLength(now) {
    if (now.destroyed || now.errored) return;
    const length = [...this.queue, ...this.flight].reduce((sum, [, len]) => sum + len, 0);
    this.breakIf(now.length !== length, 'LengthAccounts', `The length is ${now.length}, and ${length} is there.`);
  }

  seeProperties(now) {
    const { before } = this;
    this.breakIf(before.errored && before.errored !== now.errored, 'ErrorOnce', 'The first error was replaced.');
    const stopped = before.destroyed || before.errored;
    this.breakIf(now.finished && !before.finished && stopped, 'FinishFlushed', 'The stream finished after it had stopped.');
  }

  // What must have happened when nothing is left to happen.
  lookBack(now, answered) {
    this.broken = [];
    if (now.closed) this.noCallbackIsOwed();
    if (this.corked > 0 || this.unanswered !== null || !answered) return this.broken;
    const stopped = now.destroyed || now.errored;
    this.breakIf(this.waits && !now.ended && !stopped, 'WaitIsAnswered', "A producer still waits for 'drain'.");
    this.breakIf(this.endAccepted && !now.finished && !stopped, 'EndResolves', "end() was called, and 'finish' never came.");
    const closes = now.closed && (this.closeTold || !this.terms.emitClose);
    this.breakIf(now.destroyed && !closes, 'DestroyCloses', "The stream is destroyed, and 'close' never came.");
    if (!now.closed) this.noCallbackIsOwed();
    return this.broken;
  }

  noCallbackIsOwed() {
    const shared = Object.entries(this.owedShared).filter(([, count]) => count > 0).map(([name]) => name);
    const owed = [...this.owed, ...shared];
    this.breakIf(owed.length > 0, 'CallbackOnce', `Never called: the callback of ${owed.join(', ')}.`);
  }
}
