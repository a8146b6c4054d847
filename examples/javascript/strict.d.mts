import Writable from './strict.js';

export { Writable };
export default Writable;
