/** Where alerts are sent, as the `gateway` section says. The tables also make the reference page. */
import { defaulted, mapping, optional, required, type ValueOf } from '#lib/config/mapping-shape'
import { quote } from '#lib/config/mistake'
import { oneOf, type Shape, text } from '#lib/config/shape'
import { filePath, httpsUrl, name } from '#lib/config/text-shapes'
import { variant } from '#lib/config/variant-shape'
import { formatHost, parseEndpoint } from '#lib/net/endpoint'

/** A receiver of alerts; file paths are resolved. */
export type AlertSinkConfig = WebhookConfig | SyslogConfig

export type WebhookConfig = {
  readonly kind: 'webhook'
  readonly name: string
  readonly url: string
  /** Holds the key of the signatures and nothing else. */
  readonly secretFile: string
  readonly caFile?: string
}

export type SyslogConfig = {
  readonly kind: 'syslog'
  readonly name: string
  readonly address: { readonly host: string; readonly port: number }
  readonly protocol: 'tcp' | 'tls' | 'udp'
  readonly caFile?: string
}

const endpoint: Shape<SyslogConfig['address']> = text('HOST:PORT', (value) => {
  const parsed = parseEndpoint(value)
  if (!parsed.ok)
    return { wrong: `${quote(value)} is not HOST:PORT, such as logs.example.com:6514` }
  return { value: { host: formatHost(parsed.value.host), port: parsed.value.port } }
})

const nameField = required(name, 'What the log calls it.')
const webhookFields = {
  name: nameField,
  kind: required(oneOf('webhook'), 'Alerts as JSON, by POST.'),
  url: required(httpsUrl, 'Where to; redirections are not followed.'),
  secret_file: required(filePath, 'File with the key of the signatures, 32 characters at least.'),
  ca_file: optional(filePath, "CAs that vouch for it, PEM; without it the system's."),
} as const
const syslogFields = {
  name: nameField,
  kind: required(oneOf('syslog'), 'Alerts as messages of RFC 5424.'),
  address: required(endpoint, 'Where to.'),
  protocol: defaulted(
    oneOf('tls', 'tcp', 'udp'),
    'How: over `tcp` and `udp` alerts can be read and changed on the way, over `udp` lost.',
    'tls',
  ),
  ca_file: optional(filePath, "With `tls`: CAs that vouch for it, PEM; without it the system's."),
} as const

type Written = ValueOf<typeof webhookFields> | ValueOf<typeof syslogFields>

/** The shape of one sink. */
export const alertSinkShape: Shape<Written> = variant(
  'kind',
  {
    webhook: mapping(webhookFields, 'a webhook'),
    syslog: mapping(syslogFields, 'a receiver of syslog'),
  },
  'a receiver of alerts',
)

/** @param resolve turns a path as written into one from the root. */
export function toAlertSinkConfig(
  written: Written,
  resolve: (path: string) => string,
): AlertSinkConfig {
  const ca = written.ca_file === undefined ? {} : { caFile: resolve(written.ca_file) }
  if (written.kind === 'webhook') {
    const { kind, name: of, url, secret_file } = written
    return { kind, name: of, url, secretFile: resolve(secret_file), ...ca }
  }
  const { kind, name: of, address, protocol } = written
  return { kind, name: of, address, protocol, ...ca }
}

/** Files that the sinks name. */
export function alertSinkFiles(sinks: readonly AlertSinkConfig[]) {
  return sinks.flatMap((sink, index) => {
    const at = (key: string) => ['gateway', 'alerts', index, key]
    const ca =
      sink.caFile === undefined ? [] : [{ path: at('ca_file'), file: sink.caFile, secret: false }]
    if (sink.kind === 'syslog') return ca
    return [...ca, { path: at('secret_file'), file: sink.secretFile, secret: true, check: LONG }]
  })
}

const LEAST_SECRET = 32
const LONG = {
  limitBytes: 4096,
  isRight: (content: Buffer) => content.toString().trim().length >= LEAST_SECRET,
  wanted: `a secret of at least ${LEAST_SECRET} characters`,
}
