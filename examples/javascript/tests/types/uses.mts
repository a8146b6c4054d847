// The same names for a program that imports; uses.ts has what may be done with them.

import ByDefault, { Writable } from 'highwater';
import StrictByDefault, { Writable as Strict } from 'highwater/strict';

const all: Writable[] = [new Writable(), new ByDefault({ highWaterMark: 1 }), new Strict({ limit: 5 }), new StrictByDefault()];

// @ts-expect-error: there is no such export
import { Readable } from 'highwater';

export { all, Readable };
