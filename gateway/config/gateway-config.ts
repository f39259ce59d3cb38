/**
 * The `gateway:` section, decoded: what is read at start. File paths are resolved against the configuration file.
 */
import type { HostName } from '#lib/net/host'
import type { AlertSinkConfig } from './alert-sinks.ts'
import type { HistoryKept } from './history.ts'
import type { IdentityProviderConfig } from './identity-providers.ts'
import type { LoginPageConfig } from './login-page.ts'

/** A TCP socket and the URL under which others reach it. */
export type ListenerConfig = {
  readonly listen: { readonly host: string; readonly port: number }
  /** Origin, `https://host[:port]`. */
  readonly url: string
}

/** A listener for browsers: with a certificate of a public CA, or one that the gateway's CA issues. */
export type WebListenerConfig = ListenerConfig & {
  readonly certificate?: { readonly certificateFile: string; readonly keyFile: string }
}

/** Everything that is read at start. */
export type GatewayConfig = {
  readonly organisation: string
  /** Only algorithms of FIPS 140-3 modules. */
  readonly fips?: true
  /** Data directory. */
  readonly data: string
  readonly tunnel: ListenerConfig
  readonly login: WebListenerConfig
  /** How long a browser stays logged in at the login origin, ms; 0 = not at all. */
  readonly loginSessionMs: number
  readonly loginPage: LoginPageConfig
  readonly admin: WebListenerConfig
  /** Fixed addresses, canonical text; looked at before the system's resolver. */
  readonly hosts: ReadonlyMap<HostName, string>
  /** Database of the countries of addresses. */
  readonly countryDatabase?: string
  readonly identityProviders: readonly IdentityProviderConfig[]
  readonly alerts: readonly AlertSinkConfig[]
  readonly history: HistoryKept
  readonly recordings?: {
    readonly recipientsFile: string
    /** Below this much free space no recorded session is started, MiB. */
    readonly freeSpaceReserveMib: number
    /** How long a recording is kept after its end, ms; absent: for ever. */
    readonly keepMs?: number
  }
}
