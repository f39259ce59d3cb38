/** Certificates that people may hold themselves, as policy writes them. The table also makes the reference page. */

import { defaulted, list, mapping, optional, required } from '#lib/config/mapping-shape'
import { checked, mapped, oneOf, type Shape } from '#lib/config/shape'
import { duration, name, prefix } from '#lib/config/text-shapes'
import { formatPrefix } from '#lib/net/prefix'
import type { SshCertificatePolicy } from './document.ts'
import { conditionFields } from './selector.ts'
import { SSH_EXTENSIONS } from './ssh-extension.ts'
import { unixUsers } from './ssh-target-shape.ts'

const HOUR_MS = 3_600_000
const LIFETIME_MS = { least: 60_000, most: 24 * HOUR_MS }

/** Nothing takes such a certificate back from a host that does not look for revocations: it is short. */
const lifetime = checked(duration, (ms, path) =>
  ms >= LIFETIME_MS.least && ms <= LIFETIME_MS.most
    ? []
    : [{ path, message: 'a certificate lives 1m to 24h' }],
)

const fields = {
  name: required(name, 'What the log calls it.'),
  ...conditionFields,
  principals: required(
    unixUsers,
    'UNIX users that the certificate is for; `@email-local-part` is the part of the address before the `@`.',
  ),
  lifetime: defaulted(
    lifetime,
    'How long it is good, `1m` to `24h`; never longer than the session.',
    HOUR_MS,
    '1h',
  ),
  extensions: defaulted(
    list(oneOf(...SSH_EXTENSIONS), { kind: 'a list of extensions' }),
    'What a host permits to its holder.',
    ['permit-pty'],
  ),
  source_address: defaulted(
    list(prefix, { kind: 'a list of prefixes' }),
    'From where it may be used; without it, from everywhere.',
    [],
  ),
  session_length: optional(
    duration,
    "How long after an interactive login it is given; wins over the policy section's.",
  ),
} as const

/** The shape of one line. */
export const sshCertificateShape: Shape<SshCertificatePolicy> = mapped(
  mapping(fields, 'a line about SSH certificates'),
  ({ lifetime: lifetimeMs, source_address, session_length, ...rest }) => ({
    ...rest,
    lifetimeMs,
    sourceAddresses: source_address.map(formatPrefix),
    ...(session_length !== undefined && { sessionLengthMs: session_length }),
  }),
)
