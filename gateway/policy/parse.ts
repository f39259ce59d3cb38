/**
 * Policy, from an unknown value to a document. Every mistake is reported at once; unknown keys are mistakes (T92).
 */

import {
  defaulted,
  list,
  mapping,
  optional,
  required,
  type ValueOf,
} from '#lib/config/mapping-shape'
import type { Mistake } from '#lib/config/mistake'
import { checked, type Decoded, flag, mapped, oneOf, type Shape } from '#lib/config/shape'
import { duration, durationOrNone, hostName, name, prefix } from '#lib/config/text-shapes'
import { checkSyntheticPrefix, syntheticPrefixRule } from '#lib/net/synthetic-prefix'
import { err, ok, type Result } from '#lib/result'
import { applicationShape } from './application-shape.ts'
import { checkPolicy } from './check.ts'
import { dnsShape } from './dns-shape.ts'
import type { PolicyDocument } from './document.ts'
import { evaluatorShape } from './evaluator-shape.ts'
import { listShape } from './list-shape.ts'
import { networkRuleShape } from './network-rule-shape.ts'
import { policyTestShape } from './policy-test-shape.ts'
import { postureCheckShape, withSerialLists } from './posture-shape.ts'
import { protectionShape } from './protection-shape.ts'
import { conditionFields } from './selector.ts'
import { sshAlertShape } from './ssh-alert-shape.ts'
import { sshCertificateShape } from './ssh-certificate-shape.ts'
import { sshTargetShape } from './ssh-target-shape.ts'

const ruleGroupShape = mapping(
  { name: required(name, 'What selectors call it.'), ...conditionFields },
  'a rule group',
)

const syntheticRange = (version: 4 | 6) =>
  checked(prefix, (range, path) =>
    checkSyntheticPrefix(version, range).ok
      ? []
      : [{ path, message: syntheticPrefixRule(version) }],
  )

const syntheticShape = mapping(
  {
    v4: optional(syntheticRange(4), 'IPv4, private, /10 to /24.'),
    v6: optional(syntheticRange(6), 'IPv6, private, /48 to /104.'),
  },
  'ranges of synthetic addresses',
)

const PORTAL_LIMIT_MS = 1_800_000

/** A consent of minutes: whoever runs the network can pose as a portal. */
const portalTime = checked(durationOrNone, (ms, path) =>
  ms <= PORTAL_LIMIT_MS ? [] : [{ path, message: 'a captive portal is open for 30m at most' }],
)

const tunnelFields = mapping(
  {
    domains: defaulted(
      list(hostName, { kind: 'a list of host names' }),
      'Zones whose names daemons send through the tunnel. They count as private.',
      [],
    ),
    prefixes: defaulted(
      list(prefix, { kind: 'a list of prefixes' }),
      'Address prefixes that daemons send through the tunnel.',
      [],
    ),
    others: defaulted(oneOf('direct', 'refuse'), 'What daemons do with everything else.', 'direct'),
    synthetic: optional(
      syntheticShape,
      'Told to devices in transparent mode: ranges of the addresses that stand for private names.',
    ),
    lockdown: defaulted(
      flag,
      'Told to devices in transparent mode: private destinations stay unreachable while no daemon carries them.',
      false,
    ),
    lock: defaulted(
      flag,
      'Always on: users may not switch the tunnel off (`zt down`, `zt logout`), but with a code of an administrator: `zt admin devices override`.',
      false,
    ),
    captive_portal: optional(
      portalTime,
      'Longest time that a user may open a captive portal for which blocks the way to the gateway; `0s` forbids it. Devices have 3m of their own.',
    ),
  },
  'the tunnel settings',
)

const tunnelShape = mapped(tunnelFields, ({ captive_portal: portal, ...rest }) => ({
  ...rest,
  ...(portal !== undefined && { captivePortalMs: portal }),
}))

const DEFAULT_PROMPT_TIMEOUT_MS = 120_000
const PROMPT_TIMEOUT_BOUNDS_MS = { least: 10_000, most: 600_000 }

/** Below, nobody gets through a login; above, programs and the daemon have given up. */
const promptTimeout = checked(duration, (ms, path) => {
  const { least, most } = PROMPT_TIMEOUT_BOUNDS_MS
  return ms >= least && ms <= most ? [] : [{ path, message: 'a connection waits for 10s to 10m' }]
})

const policyFields = {
  tunnel: defaulted(
    tunnelShape,
    'What daemons treat as ours.',
    { domains: [], prefixes: [], others: 'direct', lockdown: false, lock: false },
    'nothing is tunnelled',
  ),
  dns: defaulted(
    dnsShape,
    'How the gateway resolves names, and which may be asked for.',
    { zones: [], rules: [] },
    'as the machine does',
  ),
  public_default: defaulted(
    oneOf('allow', 'block'),
    'For public destinations that no rule and no application matches; private ones are denied.',
    'block',
  ),
  public_datagrams: defaulted(
    oneOf('allow', 'block'),
    'The same for UDP and ping, where `public_default` allows TCP.',
    'block',
  ),
  quic: defaulted(
    oneOf('allow', 'block'),
    'UDP to host and port of an application with the protocol `http` or `tls`. Browsers that are refused it turn to TCP.',
    'block',
  ),
  session_length: optional(
    duration,
    'How long after an interactive login applications may be used.',
  ),
  posture_checks: defaulted(
    list(postureCheckShape, { kind: 'a list of posture checks' }),
    'What devices report of themselves, and what passes.',
    [],
  ),
  require_protection: defaulted(
    protectionShape,
    'Destinations that are refused as long as no application covers them.',
    { destinations: [], exempt: [] },
    'nothing',
  ),
  evaluators: defaulted(
    list(evaluatorShape, { kind: 'a list of external evaluators' }),
    'Who is asked about flows from outside, for the selector `external`.',
    [],
  ),
  lists: defaulted(
    list(listShape, { kind: 'a list of lists' }),
    'Values with a name: one change reaches every rule that names the list.',
    [],
  ),
  prompt_timeout: defaulted(
    promptTimeout,
    'How long a connection waits for its user to log in: `10s` to `10m`.',
    DEFAULT_PROMPT_TIMEOUT_MS,
    '2m',
  ),
  rule_groups: defaulted(
    list(ruleGroupShape, { kind: 'a list of rule groups' }),
    'Conditions with a name, for policies and network rules alike.',
    [],
  ),
  ssh_targets: defaulted(
    list(sshTargetShape, { kind: 'a list of SSH targets' }),
    'Hosts that applications name by label and tags, and their host keys.',
    [],
  ),
  applications: defaulted(
    list(applicationShape, { kind: 'a list of applications' }),
    'What is protected, and who may use it.',
    [],
  ),
  network_rules: defaulted(
    list(networkRuleShape, { kind: 'a list of network rules' }),
    'Rules by precedence, and where the applications stand among them (without a line: last).',
    [],
  ),
  ssh_certificates: defaulted(
    list(sshCertificateShape, { kind: 'a list of lines about SSH certificates' }),
    'SSH certificates that people may hold themselves, for hosts that trust the client authority; without a line nobody gets one.',
    [],
  ),
  ssh_alerts: defaulted(
    list(sshAlertShape, { kind: 'a list of alert rules' }),
    'What inside SSH sessions is reported, or ends them.',
    [],
  ),
  tests: defaulted(
    list(policyTestShape, { kind: 'a list of tests' }),
    'Decisions that this policy must come to, or it is not put in force.',
    [],
  ),
} as const

const written = mapped(mapping(policyFields, 'a mapping with the policy'), toDocument)

/** The shape of the `policy` section, checks across its parts included. */
export const policyShape: Shape<PolicyDocument> = {
  ...written,
  decode: (value, path): Decoded<PolicyDocument> => {
    const decoded = written.decode(value, path)
    return { ...decoded, mistakes: [...decoded.mistakes, ...checkPolicy(value, path)] }
  },
}

/** The document, or all mistakes; paths start at the policy itself. Never throws. */
export function parsePolicy(value: unknown): Result<PolicyDocument, readonly Mistake[]> {
  const { value: document, mistakes } = policyShape.decode(value, [])
  return document === undefined || mistakes.length > 0 ? err(mistakes) : ok(document)
}

function toDocument(values: ValueOf<typeof policyFields>): PolicyDocument {
  return {
    tunnel: values.tunnel,
    dns: values.dns,
    publicDefault: values.public_default,
    publicDatagrams: values.public_datagrams,
    quic: values.quic,
    ...(values.session_length !== undefined && { sessionLengthMs: values.session_length }),
    postureChecks: withSerialLists(values.posture_checks, values.lists),
    requireProtection: values.require_protection,
    evaluators: values.evaluators,
    lists: values.lists,
    promptTimeoutMs: values.prompt_timeout,
    ruleGroups: values.rule_groups,
    sshTargets: values.ssh_targets,
    applications: values.applications,
    networkRules: values.network_rules,
    sshCertificates: values.ssh_certificates,
    sshAlerts: values.ssh_alerts,
    tests: values.tests,
  }
}
