import Writable from './node.js';

export { Writable };
export default Writable;
