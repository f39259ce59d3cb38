/**
 * UNIX users, host keys, targets and criteria as policy writes them. The tables also make the reference page.
 */
import { defaulted, dictionary, list, mapping, optional, required } from '#lib/config/mapping-shape'
import { quote } from '#lib/config/mistake'
import { checked, mapped, oneOf, type Shape, text, wholeNumber } from '#lib/config/shape'
import { line, name } from '#lib/config/text-shapes'
import { formatHost, parseHost } from '#lib/net/endpoint'
import type { RegisteredTarget, TargetCriterion } from './document.ts'
import { EMAIL_ALIAS } from './unix-users.ts'

/** OpenSSH public key on one line, comment allowed. */
const SSH_KEY =
  /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]{40,}={0,2}(?: [^\r\n]*)?$/
/** What useradd of common systems makes; no leading hyphen, nothing a shell or pattern reads (T26). */
const UNIX_USER = /^[a-z_][a-z0-9_.-]{0,31}$/i
const LABEL_PATTERN = /^[A-Za-z0-9*][A-Za-z0-9._*-]{0,63}$/
const SSH_PORT = 22

/** Users of one line: names, and the alias that is everybody's own. */
export const unixUsers: Shape<readonly string[]> = list(
  text('a UNIX user name', (value) =>
    value === EMAIL_ALIAS || UNIX_USER.test(value)
      ? { value }
      : { wrong: `${quote(value)} is not a UNIX user name` },
  ),
  { kind: 'a list of UNIX user names', min: 1 },
)

const sshKeys = list(
  text('an OpenSSH public key', (value) =>
    SSH_KEY.test(value)
      ? { value }
      : { wrong: `${quote(value)} is not an OpenSSH public key; copy the line of a .pub file` },
  ),
  { kind: 'a list of OpenSSH public keys' },
)

/** Keys that say how a target is known. */
export const hostKeyFields = {
  host_keys: defaulted(
    sshKeys,
    'Host keys of the targets. A target with another key is refused.',
    [],
  ),
  host_authorities: defaulted(sshKeys, 'Authorities whose host certificates are trusted.', []),
} as const

const port = wholeNumber(1, 65_535)
const ports = list(port, { kind: 'a list of ports', min: 1 })
const network = oneOf('default')
const tags: Shape<Readonly<Record<string, string>>> = mapped(
  dictionary(name, line, 'a mapping of tags'),
  (entries) => Object.fromEntries(entries),
)

const targetFields = {
  label: required(name, 'What records, criteria and administrators call it; unique.'),
  address: required(
    text('a host name or IP address', (value) => {
      const host = parseHost(value)
      if (host.ok) return { value: formatHost(host.value) }
      return { wrong: `${quote(value)} is not a host name or IP address` }
    }),
    'Host name or IP address, as users ask for it.',
  ),
  ports: defaulted(ports, 'Ports on which it speaks SSH.', [SSH_PORT]),
  tags: defaulted(tags, 'Anything criteria may ask for.', {}),
  network: defaulted(network, 'Virtual network it is in.', 'default'),
  ...hostKeyFields,
} as const

/** The shape of one target. */
export const sshTargetShape: Shape<RegisteredTarget> = mapped(
  mapping(targetFields, 'an SSH target'),
  ({ host_keys, host_authorities, ...rest }) => ({
    ...rest,
    hostKeys: host_keys,
    hostAuthorities: host_authorities,
  }),
)

const criterionFields = {
  label: optional(
    text('a label such as db1 or db-*', (value) =>
      LABEL_PATTERN.test(value) ? { value } : { wrong: `${quote(value)} is not a label pattern` },
    ),
    'Label of the target; `*` stands for any characters.',
  ),
  tags: optional(tags, 'Tags that it has, each with this value.'),
  network: optional(network, 'Virtual network it is in.'),
  ports: optional(ports, "Of the target's ports, these only."),
} as const

const criterion: Shape<TargetCriterion> = checked(
  mapping(criterionFields, 'a criterion such as { tags: { env: prod } }'),
  (value, path) =>
    Object.keys(value).length > 0
      ? []
      : [{ path, message: 'the criterion names nothing; for every target write { label: "*" }' }],
)

/** Criteria of an application: any of them. */
export const targetCriteria: Shape<readonly TargetCriterion[]> = list(criterion, {
  kind: 'a list of criteria such as [{ tags: { env: prod } }]',
  min: 1,
})
