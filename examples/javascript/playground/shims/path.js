'use strict';
// Names of files have no meaning in the page.

module.exports = { join: (...parts) => parts.join('/') };
