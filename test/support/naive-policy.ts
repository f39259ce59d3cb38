/**
 * The meaning of a policy, written as plainly as it can be: lists, loops, no index. Tests hold the compiled evaluation
 * against it. Truth is true, false, or undefined for "not known".
 */
import { formatAddress, type IpAddress, parseAddress } from '#lib/net/address'
import { parseHost } from '#lib/net/endpoint'
import { matchesHost } from '#lib/net/host-pattern'
import { portCount, portsContain } from '#lib/net/ports'
import { prefixContains } from '#lib/net/prefix'
import type {
  Application,
  Condition,
  Destination,
  NetworkRule,
  PolicyDocument,
  Selector,
} from '../../gateway/policy/document.ts'
import type { Facts } from '../../gateway/policy/facts.ts'

type Truth = boolean | undefined
type Answer = { readonly permit: boolean; readonly reason: string; readonly by?: string }

/** Texts of IPv4 addresses that are never dialled, by how they begin. */
const NEVER = ['0.', '169.254.', '224.', '255.']

/** Decides as docs/reference/configuration.md says; addresses are IPv4 here. Session lengths are left out. */
export function naiveDecision(document: PolicyDocument, facts: Facts): Answer {
  const { host, address } = facts.destination
  const literal = parseAddress(host).ok
  const onHost = hostAnswer(document, facts)
  const dialled = address ?? (literal ? host : undefined)
  if (!onHost.permit || dialled === undefined) return onHost
  const owner = mostSpecific(document, facts, dialled, true)
  const by = onHost.by
  if (dialled.startsWith('127.')) {
    const opener = literal && /^127\./.test(hostText(owner?.destination)) ? owner : undefined
    const opened =
      opener &&
      (opener.application.name === by ||
        applicationAnswer(document, facts, opener.application).permit)
    return opened ? onHost : no('address_forbidden', by)
  }
  if (NEVER.some((start) => dialled.startsWith(start))) return no('address_forbidden', by)
  return literal ? onHost : addressAnswer(document, facts, dialled, onHost, owner?.application)
}

function hostAnswer(document: PolicyDocument, facts: Facts): Answer {
  const lines = [...document.networkRules].sort((a, b) => a.precedence - b.precedence)
  if (!lines.some(({ kind }) => kind === 'application_phase')) {
    lines.push({ kind: 'application_phase', precedence: Number.POSITIVE_INFINITY })
  }
  for (const line of lines) {
    const answer =
      line.kind === 'rule' ? ruleAnswer(document, facts, line) : ownerAnswer(document, facts)
    if (answer !== undefined) return answer
  }
  if (isPrivate(document, facts.destination.host)) return no('no_application')
  return document.publicDefault === 'allow' ? yes('allowed_by_default') : no('blocked_by_default')
}

function ruleAnswer(document: PolicyDocument, facts: Facts, rule: NetworkRule): Answer | undefined {
  const here = rule.destinations.some((one) =>
    covers(one, facts, facts.destination.host, undefined),
  )
  const truth = here && conditionTruth(document, rule, facts)
  if (rule.action === 'block' && truth !== false) return no('blocked_by_rule', rule.name)
  return rule.action === 'allow' && truth === true ? yes('allowed_by_rule', rule.name) : undefined
}

function ownerAnswer(document: PolicyDocument, facts: Facts): Answer | undefined {
  const owner = mostSpecific(document, facts, facts.destination.host, false)
  return owner && applicationAnswer(document, facts, owner.application)
}

function applicationAnswer(
  document: PolicyDocument,
  facts: Facts,
  application: Application,
): Answer {
  for (const policy of application.policies) {
    const truth = conditionTruth(document, policy, facts)
    if (policy.decision === 'deny' && truth !== false)
      return no('denied_by_policy', application.name)
    if (policy.decision === 'allow' && truth === true)
      return yes('allowed_by_policy', application.name)
  }
  return no('no_policy_matched', application.name)
}

function addressAnswer(
  document: PolicyDocument,
  facts: Facts,
  dialled: string,
  onHost: Answer,
  owner: Application | undefined,
): Answer {
  const rules = document.networkRules.filter((line) => line.kind === 'rule')
  const onAddress = rules.filter(({ destinations }) =>
    destinations.some(
      (one) => one.host.kind === 'prefix' && covers(one, facts, dialled, undefined),
    ),
  )
  const [block] = onAddress
    .filter((rule) => rule.action === 'block' && conditionTruth(document, rule, facts) !== false)
    .sort((a, b) => a.precedence - b.precedence)
  if (block !== undefined) return no('blocked_by_rule', block.name)
  if (owner !== undefined) {
    const permitted = owner.name === onHost.by || applicationAnswer(document, facts, owner).permit
    return permitted ? onHost : no('address_not_permitted', onHost.by)
  }
  const allowed = onAddress.some(
    (rule) => rule.action === 'allow' && conditionTruth(document, rule, facts) === true,
  )
  const byDefault =
    onHost.reason === 'allowed_by_default' && !allowed && isPrivate(document, dialled)
  return byDefault ? no('address_not_permitted') : onHost
}

type Owned = { readonly application: Application; readonly destination: Destination }

function mostSpecific(
  document: PolicyDocument,
  facts: Facts,
  host: string,
  onAddressOnly: boolean,
): Owned | undefined {
  const owned = document.applications.flatMap((application) =>
    application.destinations.map((destination) => ({ application, destination })),
  )
  const here = owned.filter(({ destination }) => covers(destination, facts, host, 'tcp'))
  const counted = here.filter(
    ({ destination }) => !onAddressOnly || destination.host.kind === 'prefix',
  )
  const rank = ({ destination }: Owned) =>
    hostRank(destination) * 100_000 - portCount(destination.ports)
  return counted.sort((a, b) => rank(b) - rank(a))[0]
}

function hostRank({ host }: Destination): number {
  if (host.kind === 'any') return 0
  if (host.kind === 'prefix') return 1 + host.prefix.length
  return host.pattern.kind === 'exact' ? 1000 : host.pattern.name.split('.').length
}

function covers(
  destination: Destination,
  facts: Facts,
  hostText: string,
  transport: 'tcp' | undefined,
): boolean {
  const { port, transport: used } = facts.destination
  const carried = (destination.transport ?? transport ?? used) === used
  const host = parseHost(hostText)
  if (!carried || !host.ok || !portsContain(destination.ports, port)) return false
  const written = destination.host
  if (written.kind === 'any') return true
  if (written.kind === 'name')
    return host.value.kind === 'name' && matchesHost(written.pattern, host.value.name)
  return host.value.kind === 'address' && prefixContains(written.prefix, host.value.address)
}

function hostText(destination: Destination | undefined): string {
  const host = destination?.host
  return host?.kind === 'prefix' ? formatAddress(host.prefix.address) : ''
}

function isPrivate(document: PolicyDocument, host: string): boolean {
  if (/^(10|127|169\.254|0|224|255)\./.test(host)) return true
  if (parseAddress(host).ok) return false
  return (
    !host.includes('.') ||
    document.tunnel.domains.some((one) => host === one || host.endsWith(`.${one}`))
  )
}

function conditionTruth(document: PolicyDocument, condition: Condition, facts: Facts): Truth {
  const truth = (one: Selector) => selectorTruth(document, one, facts)
  const included = any(condition.include.map(truth))
  const required = not(any(condition.require.map((one) => not(truth(one)))))
  const excluded = any(condition.exclude.map(truth))
  return not(any([not(included), not(required), excluded]))
}

function selectorTruth(document: PolicyDocument, selector: Selector, facts: Facts): Truth {
  const { email, groups, deviceId } = facts.subject
  const domain = email.split('@').length === 2 ? email.split('@')[1] : undefined
  const source = parseAddress(facts.sourceAddress)
  switch (selector.kind) {
    case 'everyone':
      return true
    case 'email':
      return domain === undefined ? undefined : email.toLowerCase() === selector.email
    case 'email_domain':
      return domain === undefined ? undefined : domain.toLowerCase() === selector.domain
    case 'group':
      return groups?.includes(selector.group)
    case 'device_id':
      return deviceId === '' ? undefined : deviceId === selector.deviceId
    case 'ip_range':
      return source.ok ? contains(selector.prefix, source.value) : undefined
    case 'rule_group': {
      const group = document.ruleGroups.find(({ name }) => name === selector.ruleGroup)
      return group && conditionTruth(document, group, facts)
    }
  }
}

function contains(prefix: Parameters<typeof prefixContains>[0], address: IpAddress): boolean {
  return prefixContains(prefix, address)
}

function any(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true
  return truths.includes(undefined) ? undefined : false
}

function not(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth
}

function yes(reason: string, by?: string): Answer {
  return { permit: true, reason, ...(by !== undefined && { by }) }
}

function no(reason: string, by?: string): Answer {
  return { permit: false, reason, ...(by !== undefined && { by }) }
}
