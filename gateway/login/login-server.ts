/**
 * The login origin: enrolment for devices, the device page for people. Nothing here needs a device certificate.
 */
import { randomBytes } from 'node:crypto'
import { createHttpsServer, type HttpsOptions, listenOn } from '../web/https-server.ts'
import { addEnrolRoutes } from './enrol-routes.ts'
import { openGlobalSessions } from './global-session.ts'
import { LOGIN_LIMITS, type LoginGates, type LoginLimits, type LoginParts } from './login-deps.ts'
import { lookOf } from './look.ts'
import { addPageRoutes } from './page-routes.ts'
import { openRateGate } from './rate-limit.ts'

export type LoginOptions = LoginParts &
  Pick<HttpsOptions, 'tls'> & {
    readonly listen: { readonly host: string; readonly port: number }
    /** For tests; `LOGIN_LIMITS` otherwise. */
    readonly limits?: Partial<LoginLimits>
  }

export type LoginServer = {
  readonly address: { readonly host: string; readonly port: number }
  close(): Promise<void>
}

/** Octets of the AES-256 key of the journeys' cookies, and of the key of form tokens. */
const KEY_OCTETS = 32

/** Starts the origin. @throws {Error} when the address cannot be listened on. */
export async function startLoginServer(options: LoginOptions): Promise<LoginServer> {
  const { listen, tls, limits, ...parts } = options
  const app = createHttpsServer({ url: parts.url, tls, log: parts.log })
  app.removeContentTypeParser('text/plain')
  const gates = openGates({ ...LOGIN_LIMITS, ...limits })
  const look = lookOf(parts.branding)
  const { store, globalSessionMs: lengthMs, now } = parts
  const globalSessions = openGlobalSessions({ store, lengthMs, now })
  const keys = { journeyKey: randomBytes(KEY_OCTETS), formKey: randomBytes(KEY_OCTETS) }
  const deps = { ...parts, ...keys, look, gates, globalSessions }
  addEnrolRoutes(app, deps)
  app.register((scope, _options, done) => {
    addPageRoutes(scope, deps)
    done()
  })
  const address = await listenOn(app, listen)
  return { address, close: () => app.close() }
}

function openGates(limits: LoginLimits): LoginGates {
  return {
    begin: openRateGate(limits.begin),
    poll: openRateGate(limits.poll),
    renew: openRateGate(limits.renew),
    userCode: openRateGate(limits.userCode),
    login: openRateGate(limits.login),
  }
}
