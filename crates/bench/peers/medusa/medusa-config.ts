// Medusa as the bench runs it: its own modules of one process (cache, event bus, workflows and locks in memory), no Redis
// and no dashboard. One process serves and works; Medusa has no smaller way to run in production.
import { defineConfig } from "@medusajs/framework/utils"

// Nobody signs in, and only this machine reaches the port.
const SECRET = "bench-of-this-machine-only"
const NOWHERE = "http://127.0.0.1:1"

module.exports = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: process.env.DATABASE_URL,
    databaseDriverOptions: {
      ssl: false,
      connection: { ssl: false },
      pool: { min: 2, max: 20 }, // connections, as many as Vendure's
    },
    http: { storeCors: NOWHERE, adminCors: NOWHERE, authCors: NOWHERE, jwtSecret: SECRET, cookieSecret: SECRET },
  },
})
