// Vendure as the bench runs it: the core and its own search, nothing that a shop without pictures, mail or a dashboard
// would have to pay for.
'use strict';

const { DefaultJobQueuePlugin, DefaultLogger, DefaultSearchPlugin, LogLevel, dummyPaymentHandler } = require('@vendure/core');

exports.config = {
  // Port 0 lets the seed run beside a server.
  apiOptions: { hostname: '127.0.0.1', port: Number(process.env.PORT ?? 0), shopApiPath: 'shop-api', adminApiPath: 'admin-api' },
  authOptions: {
    // The token comes in a header of the first answer: what a storefront without cookies uses.
    tokenMethod: 'bearer',
    // Nobody signs in to the admin API, which only this machine can reach.
    superadminCredentials: { identifier: 'superadmin', password: 'bench-of-this-machine-only' },
  },
  dbConnectionOptions: {
    type: 'postgres',
    url: process.env.DATABASE_URL,
    synchronize: false, // only the seed makes tables
    logging: false,
    extra: { max: 20 }, // connections, as many as Medusa's
  },
  // Pays at once and asks nobody: no peer waits for a gateway.
  paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
  logger: new DefaultLogger({ level: LogLevel.Warn, timestamp: true }),
  plugins: [
    DefaultJobQueuePlugin,
    // The list page of a Vendure storefront is its search. Stock is not indexed, so an order costs it nothing.
    DefaultSearchPlugin.init({ indexStockStatus: false }),
  ],
};
