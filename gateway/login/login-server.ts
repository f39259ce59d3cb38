/**
 * The login origin: enrolment for devices, the device page for people. Nothing here needs a device certificate.
 */
import { randomBytes } from 'node:crypto'
import { PROVIDER_LIMIT_MS, withDeadline } from '../identity/deadline-client.ts'
import { createHttpsServer, type HttpsOptions, listenOn } from '../web/https-server.ts'
import { addEnrolRoutes } from './enrol-routes.ts'
import { openGlobalSessions } from './global-session.ts'
import { LOGIN_LIMITS, type LoginGates, type LoginLimits, type LoginParts } from './login-deps.ts'
import { lookOf } from './look.ts'
import { showRefusal } from './page-replies.ts'
import { addPageRoutes } from './page-routes.ts'
import { openRateGate } from './rate-limit.ts'
import { addSshCaRoutes } from './ssh-ca-routes.ts'

export type LoginOptions = LoginParts &
  Pick<HttpsOptions, 'tls'> & {
    readonly listen: { readonly host: string; readonly port: number }
    /** For tests; `LOGIN_LIMITS` otherwise. */
    readonly limits?: Partial<LoginLimits>
    /** For tests; `PROVIDER_LIMIT_MS` otherwise. */
    readonly providerLimitMs?: number
  }

export type LoginServer = {
  readonly address: { readonly host: string; readonly port: number }
  close(): Promise<void>
}

/** Octets of the AES-256 key of the journeys' cookies, and of the key of form tokens. */
const KEY_OCTETS = 32

/** Starts the origin. @throws {Error} when the address cannot be listened on. */
export async function startLoginServer(options: LoginOptions): Promise<LoginServer> {
  const { listen, tls, limits, providerLimitMs = PROVIDER_LIMIT_MS, ...parts } = options
  const gates = openGates({ ...LOGIN_LIMITS, ...limits })
  const look = lookOf(parts.branding)
  const { store, sessions, globalSessionMs: lengthMs, now } = parts
  const globalSessions = openGlobalSessions({ store, sessions, lengthMs, now })
  const keys = { journeyKey: randomBytes(KEY_OCTETS), formKey: randomBytes(KEY_OCTETS) }
  const providers = parts.providers.map((one) => withDeadline(one, providerLimitMs))
  const deps = { ...parts, providers, ...keys, look, gates, globalSessions }
  const refuseBy: HttpsOptions['refuseBy'] = (reply, refusal, request) =>
    showRefusal(deps, reply, refusal, request)
  const app = createHttpsServer({ url: parts.url, tls, log: parts.log, refuseBy })
  app.removeContentTypeParser('text/plain')
  addEnrolRoutes(app, deps)
  addSshCaRoutes(app, deps)
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
    service: openRateGate(limits.service),
    serviceToken: openRateGate(limits.serviceToken, (tokenId) => tokenId),
    userCode: openRateGate(limits.userCode),
    page: openRateGate(limits.page),
    login: openRateGate(limits.login),
  }
}
