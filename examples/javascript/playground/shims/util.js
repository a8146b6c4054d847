'use strict';
// What the texts of errors need of Node's `util`.

const inspect = (value) => (typeof value === 'string' ? `'${value}'` : String(value));
const format = (text, ...values) => values.reduce((so, value) => so.replace('%s', value), text);

module.exports = { format, inspect };
