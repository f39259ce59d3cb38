/**
 * Identity providers of kind `pin`.
 */
import {
  defaulted,
  list,
  mapping,
  optional,
  required,
  type ValueOf,
} from '#lib/config/mapping-shape'
import { type Mistake, type Path, quote } from '#lib/config/mistake'
import { checked, oneOf, type Shape, text, wholeNumber } from '#lib/config/shape'
import { filePath, line, name } from '#lib/config/text-shapes'
import { parseAddress } from '#lib/net/address'
import { parseHost } from '#lib/net/endpoint'
import { parseHostName } from '#lib/net/host'
import { isLoopback } from '#lib/net/special-address'
import { parseEmail } from '../../identity/email.ts'
import type { ProviderFile, Resolve } from './provider-file.ts'

export type PinConfig = {
  readonly name: string
  readonly kind: 'pin'
  /** Mail server. */
  readonly host: string
  readonly port: number
  readonly tls: 'starttls' | 'required' | 'none'
  readonly login?: { readonly user: string; readonly passwordFile: string }
  /** CAs that vouch for the mail server, PEM; absent: the system's. */
  readonly caFile?: string
  /** Sender address. */
  readonly from: string
  /** Addresses and domains that get a PIN, lower case. */
  readonly allow: readonly string[]
}

const email: Shape<string> = text('an email address', (value) => {
  const parsed = parseEmail(value)
  return parsed === undefined
    ? { wrong: `${quote(value)} is not a plain email address` }
    : { value: parsed }
})

const emailOrDomain: Shape<string> = text('an email address or its domain', (value) => {
  if (value.includes('@'))
    return email.decode(value, []).value === undefined
      ? { wrong: `${quote(value)} is not a plain email address` }
      : { value: value.toLowerCase() }
  const domain = parseHostName(value)
  return domain.ok ? domain : { wrong: `${quote(value)} is no email address and no domain` }
})

const mailHost: Shape<string> = text('a host name or address', (value) =>
  parseHost(value).ok && !value.startsWith('[')
    ? { value }
    : { wrong: `${quote(value)} is not a host name or address` },
)

const fields = {
  name: required(name, "What records call it; part of a user's identity, so do not rename it."),
  kind: required(oneOf('pin'), 'One-time PINs by mail.'),
  host: required(mailHost, 'Mail server (SMTP).'),
  port: defaulted(wholeNumber(1, 65_535), 'Its port.', 587),
  tls: defaulted(
    oneOf('starttls', 'required', 'none'),
    '`required`: TLS from the first octet (port 465); `starttls`: no mail unless TLS starts; `none`: only on loopback.',
    'starttls',
  ),
  user: optional(line, 'User name at the mail server; with `password_file`.'),
  password_file: optional(filePath, 'File with the password and nothing else.'),
  ca_file: optional(filePath, "CAs that vouch for the mail server, PEM; without it the system's."),
  from: required(email, 'Sender of the mails.'),
  allow: required(
    list(emailOrDomain, { kind: 'a list of email addresses and domains', min: 1 }),
    'Who gets a PIN: addresses, and domains behind the `@`, without those below them.',
  ),
} as const

type Written = ValueOf<typeof fields>

export const pinShape = checked(mapping(fields, 'one-time PINs by mail'), (written, path) => [
  ...halfLogin(written, path),
  ...plainOverNetwork(written, path),
])

function halfLogin({ user, password_file }: Written, path: Path): Mistake[] {
  if ((user === undefined) === (password_file === undefined)) return []
  const missing = user === undefined ? 'user' : 'password_file'
  return [{ path, message: `"${missing}" is missing; user and password_file go together` }]
}

function plainOverNetwork({ host, tls }: Written, path: Path): Mistake[] {
  const address = parseAddress(host)
  const isHere = host === 'localhost' || (address.ok && isLoopback(address.value))
  if (tls !== 'none' || isHere) return []
  const message = 'PINs cross the network unencrypted; "none" is only for a mail server on loopback'
  return [{ path: [...path, 'tls'], message }]
}

export function toPinConfig(written: Written, resolve: Resolve): PinConfig {
  const { user, password_file, ca_file, ...plain } = written
  return {
    name: plain.name,
    kind: 'pin',
    host: plain.host,
    port: plain.port,
    tls: plain.tls,
    ...(user !== undefined &&
      password_file !== undefined && { login: { user, passwordFile: resolve(password_file) } }),
    ...(ca_file !== undefined && { caFile: resolve(ca_file) }),
    from: plain.from,
    allow: plain.allow,
  }
}

export function pinFiles({ login, caFile }: PinConfig): ProviderFile[] {
  return [
    ...(login ? [{ key: 'password_file', file: login.passwordFile, secret: true }] : []),
    ...(caFile === undefined ? [] : [{ key: 'ca_file', file: caFile, secret: false }]),
  ]
}
