// The server: one process and no worker, so that what Vendure leaves for later costs it nothing here.
'use strict';

const { bootstrap } = require('@vendure/core');
const { config } = require('./config');

bootstrap(config).catch(error => {
  console.error(error);
  process.exit(1);
});
