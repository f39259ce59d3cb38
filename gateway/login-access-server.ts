/**
 * Enrolment and login, put together from configuration, keys and store.
 */
import { readFileSync } from 'node:fs'
import type { Log } from '#lib/log'
import type { AccessChange } from './access-change.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import { openEnrolments } from './enrol/enrolments.ts'
import { renewDevice } from './enrol/renewal.ts'
import { openProvider } from './identity/open-provider-os.ts'
import type { GatewayKeys } from './keys/gateway-keys.ts'
import type { ServerCertificate } from './keys/server-certificate.ts'
import { type LoginServer, startLoginServer } from './login/login-server.ts'
import { readLogo } from './login/logo.ts'
import type { Branding } from './login/look.ts'
import type { PromptDesk } from './prompt/prompts.ts'
import type { ServiceTokens } from './service-token/service-tokens-store.ts'
import type { Sessions } from './session/sessions-store.ts'
import type { SshAuthorities } from './ssh-ca/ssh-authorities-store.ts'
import type { Store } from './store/store.ts'

export type LoginAccessOptions = {
  readonly config: Pick<
    GatewayConfig,
    'organisation' | 'login' | 'loginPage' | 'loginSessionMs' | 'tunnel' | 'identityProviders'
  >
  readonly keys: Pick<GatewayKeys, 'deviceCa' | 'gatewayCa'>
  readonly tls: ServerCertificate
  readonly store: Store
  readonly sessions: Sessions
  readonly serviceTokens: ServiceTokens
  readonly sshAuthorities: SshAuthorities
  readonly prompts: PromptDesk
  /** Told what may change the access of open flows. */
  readonly tell: (change: AccessChange) => void
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** Starts the login origin. @throws {Error} when a provider's file cannot be read, or the address not be bound. */
export function startLoginAccess(options: LoginAccessOptions): Promise<LoginServer> {
  const { config, keys, tls, store, sessions, prompts, serviceTokens, tell, log, now } = options
  const { organisation } = config
  const url = new URL(config.login.url)
  const { deviceCa } = keys
  const gatewayCaPem = keys.gatewayCa.certificatePem
  const tunnelUrl = config.tunnel.url
  const enrolDeps = {
    store,
    serviceTokens,
    deviceCa,
    gatewayCaPem,
    loginOrigin: url.origin,
    tunnelUrl,
    tell,
    now,
    log,
  }
  return startLoginServer({
    listen: config.login.listen,
    tls,
    url,
    branding: brandingOf(config),
    providers: config.identityProviders.map((provider) =>
      openProvider(provider, { loginOrigin: url.origin, organisation, store, log, now }),
    ),
    enrolments: openEnrolments(enrolDeps),
    prompts,
    ...{ store, sessions },
    globalSessionMs: config.loginSessionMs,
    tell,
    renew: (request) => renewDevice(enrolDeps, request, { audience: url.origin }),
    gatewayCaPem,
    sshAuthorities: options.sshAuthorities,
    now,
    log,
  })
}

function brandingOf({
  organisation,
  loginPage: { logoFile, title = organisation, ...look },
}: LoginAccessOptions['config']): Branding {
  if (logoFile === undefined) return { ...look, title }
  const logo = readLogo(readFileSync(logoFile))
  if (logo === undefined) throw new Error(`${logoFile} is not a PNG or SVG file of at most 64 KiB`)
  return { ...look, title, logo }
}
