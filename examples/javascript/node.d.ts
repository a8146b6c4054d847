/// <reference types="node" />
import { Writable as NodeWritable, WritableOptions } from 'node:stream';

/** A drop-in for Node's `stream.Writable`: the same options, methods, properties and events. */
declare class Writable extends NodeWritable {
  constructor(options?: WritableOptions);
}

declare namespace Writable {
  export { Writable };
  export { WritableOptions };
}

export = Writable;
