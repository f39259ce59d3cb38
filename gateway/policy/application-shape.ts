/**
 * Applications and their policies as written. The tables also make the reference page.
 */

import {
  defaulted,
  list,
  mapping,
  optional,
  required,
  type ValueOf,
} from '#lib/config/mapping-shape'
import { quote } from '#lib/config/mistake'
import { mapped, oneOf, type Shape, text } from '#lib/config/shape'
import { duration, name } from '#lib/config/text-shapes'
import { consentFields, splitConsent } from './consent-shape.ts'
import type { SshLimits } from './decision.ts'
import { destination } from './destination.ts'
import type { AccessPolicy, Application } from './document.ts'
import { splitTiming, timingFields } from './schedule-shape.ts'
import { conditionFields } from './selector.ts'

/** OpenSSH public key on one line, comment allowed. */
const SSH_KEY =
  /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]{40,}={0,2}(?: [^\r\n]*)?$/
/** What useradd of common systems makes; no leading hyphen, nothing a shell or pattern reads (T26). */
const UNIX_USER = /^[a-z_][a-z0-9_.-]{0,31}$/i

const unixUser: Shape<string> = text('a UNIX user name', (value) =>
  UNIX_USER.test(value) ? { value } : { wrong: `${quote(value)} is not a UNIX user name` },
)
const sshKey: Shape<string> = text('an OpenSSH public key', (value) =>
  SSH_KEY.test(value)
    ? { value }
    : { wrong: `${quote(value)} is not an OpenSSH public key; copy the line of a .pub file` },
)

const sshFields = {
  unix_users: required(
    list(unixUser, { kind: 'a list of UNIX user names', min: 1 }),
    'Users that may be asked for at the target.',
  ),
  record: defaulted(
    oneOf('required', 'off'),
    'Whether sessions are recorded; a session that must be and cannot is refused.',
    'required',
  ),
  host_keys: defaulted(
    list(sshKey, { kind: 'a list of OpenSSH public keys' }),
    'Host keys of the targets. A target with another key is refused.',
    [],
  ),
  host_authorities: defaulted(
    list(sshKey, { kind: 'a list of OpenSSH public keys' }),
    'Authorities whose host certificates are trusted.',
    [],
  ),
} as const

const policyFields = {
  name: required(name, 'What records and traces call it.'),
  decision: required(
    oneOf('allow', 'deny', 'bypass', 'service'),
    'What it says when it matches; `bypass` allows without a login, `service` allows services.',
  ),
  ...conditionFields,
  ...timingFields,
  ...consentFields,
  session_length: optional(
    duration,
    "How long after an interactive login it admits; wins over the application's.",
  ),
} as const

const applicationFields = {
  name: required(name, 'What `zt apps` and records call it.'),
  destinations: required(
    list(destination, { kind: 'a list of destinations', min: 1 }),
    'Hosts and ports, `HOST:PORTS`; TCP unless `/udp` follows. The most specific application wins.',
  ),
  protocol: optional(
    oneOf('ssh', 'http', 'tls'),
    'What is spoken there; anything else is refused.',
  ),
  ssh: optional(
    mapped(mapping(sshFields, 'the limits of an ssh application'), toSshLimits),
    'Limits of an ssh application.',
  ),
  idle_timeout: optional(duration, 'A flow is closed after this long without a byte.'),
  session_length: optional(
    duration,
    "How long after an interactive login it may be used; wins over the policy section's.",
  ),
  policies: defaulted(
    list(mapped(mapping(policyFields, 'a policy'), toPolicy), { kind: 'a list of policies' }),
    'The first that matches decides; none denies.',
    [],
  ),
} as const

/** The shape of one application. */
export const applicationShape: Shape<Application> = mapped(
  mapping(applicationFields, 'an application'),
  toApplication,
)

function toSshLimits(written: ValueOf<typeof sshFields>): SshLimits {
  return {
    unixUsers: written.unix_users,
    record: written.record,
    hostKeys: written.host_keys,
    hostAuthorities: written.host_authorities,
  }
}

function toPolicy(written: ValueOf<typeof policyFields>): AccessPolicy {
  const { timing, rest: bounded } = splitTiming(written)
  const { consent, rest } = splitConsent(bounded)
  const { session_length, ...policy } = rest
  return {
    ...policy,
    ...consent,
    timing,
    ...(session_length !== undefined && { sessionLengthMs: session_length }),
  }
}

function toApplication(written: ValueOf<typeof applicationFields>): Application {
  const { idle_timeout, session_length, ...rest } = written
  return {
    ...rest,
    ...(idle_timeout !== undefined && { idleTimeoutMs: idle_timeout }),
    ...(session_length !== undefined && { sessionLengthMs: session_length }),
  }
}
