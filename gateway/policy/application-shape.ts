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
import { mapped, oneOf, type Shape } from '#lib/config/shape'
import { duration, name } from '#lib/config/text-shapes'
import { consentFields, splitConsent } from './consent-shape.ts'
import { destination } from './destination.ts'
import type { AccessPolicy, Application } from './document.ts'
import { splitTiming, timingFields } from './schedule-shape.ts'
import { conditionFields } from './selector.ts'
import { sshShape } from './ssh-shape.ts'
import { unixUsers } from './ssh-target-shape.ts'

const policyFields = {
  name: required(name, 'What records and traces call it.'),
  decision: required(
    oneOf('allow', 'deny', 'bypass', 'service'),
    'What it says when it matches; `bypass` allows without a login, `service` allows services.',
  ),
  ...conditionFields,
  ...timingFields,
  ...consentFields,
  unix_users: optional(
    unixUsers,
    'In an ssh application: the users for whom it admits, in place of those of the application.',
  ),
  session_length: optional(
    duration,
    "How long after an interactive login it admits; wins over the application's.",
  ),
} as const

const applicationFields = {
  name: required(name, 'What `zt apps` and records call it.'),
  destinations: defaulted(
    list(destination, { kind: 'a list of destinations', min: 1 }),
    'Hosts and ports, `HOST:PORTS`, or `HOST/icmp` for ping; TCP unless `/udp` follows. The most specific application wins. May be left out with `ssh.targets`.',
    [],
    'none',
  ),
  protocol: optional(
    oneOf('ssh', 'http', 'tls'),
    'What is spoken there; anything else is refused.',
  ),
  ssh: optional(sshShape, 'Limits of an ssh application.'),
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

function toPolicy(written: ValueOf<typeof policyFields>): AccessPolicy {
  const { timing, rest: bounded } = splitTiming(written)
  const { consent, rest } = splitConsent(bounded)
  const { session_length, unix_users, ...policy } = rest
  return {
    ...policy,
    ...(unix_users !== undefined && { unixUsers: unix_users }),
    ...consent,
    timing,
    ...(session_length !== undefined && { sessionLengthMs: session_length }),
  }
}

function toApplication(written: ValueOf<typeof applicationFields>): Application {
  const { idle_timeout, session_length, ...rest } = written
  // Not a spread: each copy of what was decoded would have a shape of its own in V8, and be slow to read.
  return Object.assign({}, rest, {
    ...(idle_timeout !== undefined && { idleTimeoutMs: idle_timeout }),
    ...(session_length !== undefined && { sessionLengthMs: session_length }),
  })
}
