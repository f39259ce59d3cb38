/**
 * Tests that stand in a policy: who, where to, and what must come of it. The table also makes the reference page.
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
import { quote } from '#lib/config/mistake'
import { checked, flag, mapped, oneOf, type Shape, text } from '#lib/config/shape'
import { address, duration, hostName, line, name } from '#lib/config/text-shapes'
import { TYPE } from '#lib/dns/codes'
import { parseFlowEndpoint } from '#lib/net/flow-endpoint'
import { recordType } from './dns-rule-shape.ts'
import type { PolicyTest } from './policy-test.ts'
import { isReason, type Reason } from './reasons.ts'
import { instant } from './schedule-shape.ts'

/** Monday noon in UTC: tests come out the same every day. */
const DEFAULT_AT = { text: '2026-01-05T12:00:00Z', seconds: 1_767_614_400 }

const target = text('a destination such as db1.corp.internal:22', (written) => {
  const parsed = parseFlowEndpoint(written)
  return parsed.ok
    ? { value: parsed.value }
    : { wrong: `${quote(written)} is not a host and a port` }
})

const reason: Shape<Reason> = text('a reason code', (written) =>
  isReason(written) ? { value: written } : { wrong: `${quote(written)} is not a reason code` },
)

const texts = list(line, { kind: 'a list of texts' })

const grant = mapping(
  {
    kind: required(oneOf('purpose', 'approval'), 'What was given.'),
    application: required(name, 'For which application.'),
  },
  'a consent',
)

const question = mapping(
  {
    name: required(hostName, 'The name that is asked for.'),
    type: defaulted(recordType, 'The record type.', TYPE.A, 'A'),
  },
  'a question such as { name: wiki.corp.internal }',
)

const subjectFields = {
  email: optional(line, 'Email address; without one, selectors on it are not known.'),
  groups: optional(texts, 'Groups of the identity provider.'),
  provider: optional(line, 'Name of the identity provider.'),
  claims: optional(dictionary(line, texts, 'claims, each with a list of texts'), 'Claims.'),
  amr: optional(texts, 'Authentication methods of the login.'),
  acr: optional(line, 'Authentication context class of the login.'),
  login_age: optional(duration, 'How long ago the login was; without it, a moment ago.'),
  device_id: optional(line, 'The device.'),
  service: optional(name, 'Name of a service token: a service asks, no person.'),
  source: optional(address, 'Address that the tunnel comes from.'),
  country: optional(line, 'Country of that address, two capital letters.'),
  posture: optional(
    dictionary(name, flag, 'posture checks by name, true or false'),
    'How posture checks came out.',
  ),
  evaluations: optional(
    dictionary(name, flag, 'external evaluators by name, true or false'),
    'What external evaluators said.',
  ),
  consents: defaulted(
    list(grant, { kind: 'a list of consents' }),
    'Purposes that were stated and approvals that were given.',
    [],
  ),
} as const

const testFields = {
  name: required(name, 'What reports call it.'),
  subject: required(
    mapping(subjectFields, 'a subject'),
    'Who asks. What is left out is not known, and rules on it admit nobody.',
  ),
  to: optional(
    target,
    'A connection: host and port, as a program would ask for them; `HOST:PORT/udp` and `HOST/icmp` as well.',
  ),
  ask: optional(question, 'In place of `to`: a question of the DNS.'),
  address: optional(address, 'What the name resolves to; without it, the name alone is decided.'),
  at: defaulted(instant, 'The moment of the decision.', DEFAULT_AT.seconds, DEFAULT_AT.text),
  expect: required(oneOf('allow', 'deny'), 'What must come of it.'),
  reason: optional(reason, 'The reason it must have.'),
  application: optional(name, 'The application that must decide.'),
} as const

/** The shape of one test. */
export const policyTestShape: Shape<PolicyTest> = mapped(
  checked(mapping(testFields, 'a test of the policy'), ({ to, ask, address: behind }, path) => {
    if ((to === undefined) === (ask === undefined)) {
      return [{ path, message: 'a test has either "to" or "ask"' }]
    }
    const message = 'only a test with "to" has this key'
    return ask === undefined || behind === undefined
      ? []
      : [{ path: [...path, 'address'], message }]
  }),
  toTest,
)

function toTest(written: ValueOf<typeof testFields>): PolicyTest {
  const { to, ask, address: behind, at, subject, ...rest } = written
  const { device_id: deviceId, login_age: loginAgeMs, ...known } = subject
  const asked = {
    ...rest,
    atSeconds: at,
    subject: {
      ...known,
      ...(deviceId !== undefined && { deviceId }),
      ...(loginAgeMs !== undefined && { loginAgeMs }),
    },
  }
  if (ask !== undefined) return { ...asked, question: ask }
  return { ...asked, ...(to ?? NOWHERE), ...(behind !== undefined && { address: behind }) }
}

/** Of a test with a mistake, which nobody looks at. */
const NOWHERE = { host: '', port: 0, transport: 'tcp' } as const
