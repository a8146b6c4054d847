/// <reference types="node" />
import { Writable as NodeWritable, WritableOptions as NodeOptions } from 'node:stream';

/** A Writable that keeps Node's documented contract where Node does not. */
declare class Writable extends NodeWritable {
  constructor(options?: Writable.StrictOptions);
}

declare namespace Writable {
  export interface StrictOptions extends NodeOptions {
    /** The length at or below which 'drain' comes, in bytes (or objects). Default: 0. */
    lowWaterMark?: number;
    /**
     * The length past which a chunk is refused with `TOO_LONG`, in bytes (or objects). Default: none.
     * The callback of the chunk gets the error; a chunk without one fails the stream.
     */
    limit?: number;
  }
  export { Writable };
}

export = Writable;
