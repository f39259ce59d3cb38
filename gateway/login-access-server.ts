/**
 * Enrolment and login, put together from configuration, keys and store.
 */
import { readFileSync } from 'node:fs'
import type { Log } from '#lib/log'
import type { GatewayConfig, IdentityProviderConfig } from './config/gateway-config.ts'
import { openEnrolments } from './enrol/enrolments.ts'
import { renewDevice } from './enrol/renewal.ts'
import type { IdentityProvider } from './identity/identity-provider.ts'
import { OIDC_CALLBACK, openIdp } from './identity/idp-client.ts'
import type { GatewayKeys } from './keys/gateway-keys.ts'
import type { ServerCertificate } from './keys/server-certificate.ts'
import { type LoginServer, startLoginServer } from './login/login-server.ts'
import type { Store } from './store/store.ts'

export type LoginAccessOptions = {
  readonly config: Pick<GatewayConfig, 'organisation' | 'login' | 'tunnel' | 'identityProviders'>
  readonly keys: Pick<GatewayKeys, 'deviceCa' | 'gatewayCa'>
  readonly tls: ServerCertificate
  readonly store: Store
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** Starts the login origin. @throws {Error} when a provider's file cannot be read, or the address not be bound. */
export function startLoginAccess(options: LoginAccessOptions): Promise<LoginServer> {
  const { config, keys, tls, store, log, now } = options
  const url = new URL(config.login.url)
  const { deviceCa } = keys
  const gatewayCaPem = keys.gatewayCa.certificatePem
  const tunnelUrl = config.tunnel.url
  const enrolDeps = { store, deviceCa, gatewayCaPem, loginOrigin: url.origin, tunnelUrl, now, log }
  return startLoginServer({
    listen: config.login.listen,
    tls,
    url,
    organisation: config.organisation,
    providers: config.identityProviders.map((provider) =>
      openProvider(provider, url, { log, now }),
    ),
    enrolments: openEnrolments(enrolDeps),
    users: store.users,
    renew: (request) => renewDevice(enrolDeps, request, { audience: url.origin }),
    gatewayCaPem,
    now,
    log,
  })
}

/** Read at start: a changed secret takes effect at the next one, like the rest of the `gateway` section. */
function openProvider(
  { name, issuer, clientId, clientSecretFile, caFile, groupsClaim }: IdentityProviderConfig,
  loginUrl: URL,
  deps: Pick<LoginAccessOptions, 'log' | 'now'>,
): IdentityProvider {
  const clientSecret = readFileSync(clientSecretFile, 'utf8').trim()
  const redirectUri = `${loginUrl.origin}${OIDC_CALLBACK}`
  const ca = caFile === undefined ? {} : { caPem: readFileSync(caFile, 'utf8') }
  return openIdp({ name, issuer, clientId, clientSecret, groupsClaim, redirectUri, ...ca }, deps)
}
