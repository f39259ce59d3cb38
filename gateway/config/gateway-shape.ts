/**
 * The `gateway:` section as written. The tables also make the reference page.
 */

import {
  defaulted,
  dictionary,
  list,
  mapping,
  optional,
  required,
  type ValueOf,
} from '#lib/config/mapping-shape'
import type { Mistake, Path } from '#lib/config/mistake'
import { checked, flag, type Shape, wholeNumber } from '#lib/config/shape'
import {
  address,
  duration,
  durationOrNone,
  filePath,
  hostName,
  httpsOrigin,
  line,
  listenAddress,
} from '#lib/config/text-shapes'
import { alertSinkShape, toAlertSinkConfig } from './alert-sinks.ts'
import type { GatewayConfig, WebListenerConfig } from './gateway-config.ts'
import { HISTORY_DEFAULT, historyShape, toHistoryKept } from './history.ts'
import { providerShape, toProviderConfig } from './identity-providers.ts'
import { loginPageShape, toLoginPageConfig } from './login-page.ts'
import { EMBEDDED_DIRECTORY } from './providers/local.ts'

const socketFields = {
  listen: required(
    listenAddress,
    'Address and port of the socket; `0.0.0.0` is every IPv4 address.',
  ),
  url: required(httpsOrigin, 'How others reach it: `https://HOST:PORT`.'),
} as const

const webFields = {
  ...socketFields,
  certificate_file: optional(
    filePath,
    'Certificate chain of a public CA, PEM. Without it the gateway issues one for the host of `url`.',
  ),
  key_file: optional(filePath, 'Private key of that certificate, PEM.'),
} as const

const webListener = checked(mapping(webFields, 'a listener for browsers'), (written, path) => {
  const { certificate_file, key_file } = written
  if ((certificate_file === undefined) === (key_file === undefined)) return []
  const missing = key_file === undefined ? 'key_file' : 'certificate_file'
  return [{ path, message: `"${missing}" is missing; certificate_file and key_file go together` }]
})

const recordingsFields = {
  recipients_file: required(
    filePath,
    'Signed list of recipients: who can open recordings. `zt-gateway recipients sign` makes it.',
  ),
  keep: optional(
    duration,
    'How long a recording is kept after its end; then it is erased, unless it is under legal hold. Without it, for ever.',
  ),
  free_space_reserve_mib: defaulted(
    wholeNumber(0, 1_048_576),
    'With less free space than this, MiB, no recorded session is started.',
    512,
  ),
} as const

const gatewayFields = {
  organisation: required(line, 'Display name.'),
  data: required(filePath, 'Data directory that `zt-gateway init` made.'),
  fips: defaulted(
    flag,
    'Only algorithms of FIPS 140-3 modules, for SSH, TLS and recordings; see [fips.md](fips.md).',
    false,
  ),
  tunnel: required(mapping(socketFields, 'a listener'), 'Where devices connect.'),
  login: required(webListener, 'Where users log in and devices enrol.'),
  login_session_length: defaulted(
    durationOrNone,
    'How long a browser stays logged in at `login`, so that its user can go on with one click; `0s` is not at all.',
    28_800_000,
    '8h',
  ),
  login_page: defaulted(loginPageShape, 'How the pages at `login` look.', {}, 'none'),
  admin: required(webListener, 'The admin API; its host must differ from that of `login`.'),
  hosts: defaulted(
    dictionary(hostName, address, 'a mapping of host names to addresses'),
    "Fixed addresses of host names, looked at before the system's resolver.",
    new Map(),
    'none',
  ),
  country_database: optional(
    filePath,
    'Database of the countries of addresses, in the MMDB format, read at start. Without it no address has a country.',
  ),
  identity_providers: defaulted(
    list(providerShape, { kind: 'a list of identity providers' }),
    'Where users log in; without this key, in the local directory. With an empty list nobody can.',
    [EMBEDDED_DIRECTORY],
    '[{ name: local, kind: local }]',
  ),
  alerts: defaulted(
    list(alertSinkShape, { kind: 'a list of receivers of alerts' }),
    'Where alerts are sent besides the log and the audit log.',
    [],
    'nowhere',
  ),
  history: defaulted(
    historyShape,
    'How long is kept what happened; see [storage.md](storage.md). Takes effect at a reload too.',
    HISTORY_DEFAULT,
    'as below',
  ),
  recordings: optional(
    mapping(recordingsFields, 'the settings of recordings'),
    'Without it no session can be recorded, and those that must be are refused.',
  ),
} as const

type Written = ValueOf<typeof gatewayFields>

/** The shape of the `gateway` section. */
export const gatewayShape: Shape<Written> = checked(
  mapping(gatewayFields, 'a mapping with the gateway settings'),
  checkGateway,
)

/** The section with file paths resolved against `directory`. */
export function toGatewayConfig(written: Written, directory: string): GatewayConfig {
  const file = (path: string) => (path.startsWith('/') ? path : `${directory}/${path}`)
  const { organisation, data, tunnel, login, admin, hosts, country_database, recordings } = written
  return {
    organisation,
    data: file(data),
    ...(written.fips && { fips: true as const }),
    tunnel,
    login: toWebListener(login, file),
    loginSessionMs: written.login_session_length,
    loginPage: toLoginPageConfig(written.login_page, file),
    admin: toWebListener(admin, file),
    hosts,
    ...(country_database !== undefined && { countryDatabase: file(country_database) }),
    alerts: written.alerts.map((one) => toAlertSinkConfig(one, file)),
    identityProviders: written.identity_providers.map((one) => toProviderConfig(one, file)),
    history: toHistoryKept(written.history),
    ...(recordings && {
      recordings: {
        recipientsFile: file(recordings.recipients_file),
        freeSpaceReserveMib: recordings.free_space_reserve_mib,
        ...(recordings.keep !== undefined && { keepMs: recordings.keep }),
      },
    }),
  }
}

function toWebListener(
  { listen, url, certificate_file, key_file }: ValueOf<typeof webFields>,
  file: (path: string) => string,
): WebListenerConfig {
  if (certificate_file === undefined || key_file === undefined) return { listen, url }
  const certificate = { certificateFile: file(certificate_file), keyFile: file(key_file) }
  return { listen, url, certificate }
}

function checkGateway(written: Written, path: Path): Mistake[] {
  return [
    ...sharedHost(written, path),
    ...sharedNames(written, path),
    ...secondDirectory(written, path),
  ]
}

/** Cookies and scripts do not keep to ports: one host would make one origin of both (T94). */
function sharedHost({ login, admin }: Written, path: Path): Mistake[] {
  const host = new URL(admin.url).hostname
  if (host !== new URL(login.url).hostname) return []
  const message = `the host "${host}" is that of login.url too; give the admin API a host name of its own`
  return [{ path: [...path, 'admin', 'url'], message }]
}

function sharedNames(written: Written, path: Path): Mistake[] {
  return (['identity_providers', 'alerts'] as const).flatMap((key) => {
    const names = written[key].map((one) => one.name)
    return names.flatMap((one, index) =>
      names.indexOf(one) === index
        ? []
        : [{ path: [...path, key, index, 'name'], message: `the name "${one}" is used twice` }],
    )
  })
}

/** Two names would make two identities of each person in it. */
function secondDirectory({ identity_providers }: Written, path: Path): Mistake[] {
  const first = identity_providers.findIndex(({ kind }) => kind === 'local')
  const second = identity_providers.findIndex(({ kind }, at) => kind === 'local' && at > first)
  if (second < 0) return []
  const message = 'there is one local directory; it is listed twice'
  return [{ path: [...path, 'identity_providers', second, 'kind'], message }]
}
