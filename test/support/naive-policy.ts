/**
 * The meaning of a policy, written as plainly as it can be: lists, loops, no index. Tests hold the compiled evaluation
 * against it. Truth is true, false, or undefined for "not known".
 */

import { formatAddress, type IpAddress, parseAddress } from '#lib/net/address'
import { parseHost } from '#lib/net/endpoint'
import { matchesHost } from '#lib/net/host-pattern'
import { portCount, portsContain } from '#lib/net/ports'
import { type Prefix, prefixContains } from '#lib/net/prefix'
import type { Destination } from '../../gateway/policy/destination.ts'
import type {
  AccessPolicy,
  Application,
  Condition,
  NetworkRule,
  PolicyDocument,
  Selector,
} from '../../gateway/policy/document.ts'
import type { CheckResult, Facts } from '../../gateway/policy/facts.ts'
import type { Timing } from '../../gateway/policy/schedule.ts'

type Truth = boolean | undefined
type Answer = { readonly permit: boolean; readonly reason: string; readonly by?: string }

/** Texts of IPv4 addresses that are never dialled, by how they begin. */
const NEVER = ['0.', '169.254.', '224.', '255.']

/** Decides as docs/reference/configuration.md says; addresses are IPv4 here. Session lengths are left out. */
export function naiveDecision(document: PolicyDocument, facts: Facts, nowSeconds: number): Answer {
  const answer = answerOf(document, facts, nowSeconds)
  return answer.permit && isQuicBeside(document, facts) ? no('quic_blocked', answer.by) : answer
}

function answerOf(document: PolicyDocument, facts: Facts, nowSeconds: number): Answer {
  const { host, address } = facts.destination
  const literal = parseAddress(host).ok
  const onHost = hostAnswer(document, facts, nowSeconds)
  const dialled = address ?? (literal ? host : undefined)
  if (!onHost.permit || dialled === undefined) return onHost
  const owner = mostSpecific(document, facts, dialled, true)
  const by = onHost.by
  if (dialled.startsWith('127.')) {
    const opener = literal && /^127\./.test(hostText(owner?.destination)) ? owner : undefined
    const opened =
      opener &&
      (opener.application.name === by ||
        applicationAnswer(document, facts, opener.application, nowSeconds).permit)
    return opened ? onHost : no('address_forbidden', by)
  }
  if (NEVER.some((start) => dialled.startsWith(start))) return no('address_forbidden', by)
  return literal
    ? onHost
    : addressAnswer(document, facts, dialled, onHost, owner?.application, nowSeconds)
}

function hostAnswer(document: PolicyDocument, facts: Facts, nowSeconds: number): Answer {
  const { destinations, exempt } = document.requireProtection
  const isHere = (meant: 'tcp' | undefined) => (one: Destination) =>
    covers(one, facts, facts.destination.host, meant)
  const mustBeOwned = destinations.some(isHere(undefined)) && !exempt.some(isHere('tcp'))
  const isOwned = mostSpecific(document, facts, facts.destination.host, false) !== undefined
  if (mustBeOwned && !isOwned) return no('protection_required')
  const lines = [...document.networkRules].sort((a, b) => a.precedence - b.precedence)
  if (!lines.some(({ kind }) => kind === 'application_phase')) {
    lines.push({ kind: 'application_phase', precedence: Number.POSITIVE_INFINITY })
  }
  for (const line of lines) {
    const answer =
      line.kind === 'rule'
        ? ruleAnswer(document, facts, line, nowSeconds)
        : ownerAnswer(document, facts, nowSeconds)
    if (answer !== undefined) return answer
  }
  if (isPrivate(document, facts.destination.host)) return no('no_application')
  const isPerson = facts.subject.service === undefined
  const overTcp = facts.destination.transport === 'tcp'
  const carried = overTcp || document.publicDatagrams === 'allow'
  return isPerson && carried && document.publicDefault === 'allow'
    ? yes('allowed_by_default')
    : no('blocked_by_default')
}

function ruleAnswer(
  document: PolicyDocument,
  facts: Facts,
  rule: NetworkRule,
  nowSeconds: number,
): Answer | undefined {
  const here = rule.destinations.some((one) =>
    covers(one, facts, facts.destination.host, meantBy(rule)),
  )
  const counts = here && countsAt(rule.timing, nowSeconds)
  const truth = counts && lineTruth(document, rule, facts, nowSeconds)
  if (rule.action === 'block' && truth !== false) return no('blocked_by_rule', rule.name)
  return rule.action === 'allow' && truth === true ? yes('allowed_by_rule', rule.name) : undefined
}

function ownerAnswer(
  document: PolicyDocument,
  facts: Facts,
  nowSeconds: number,
): Answer | undefined {
  const owner = mostSpecific(document, facts, facts.destination.host, false)
  return owner && applicationAnswer(document, facts, owner.application, nowSeconds)
}

function applicationAnswer(
  document: PolicyDocument,
  facts: Facts,
  application: Application,
  nowSeconds: number,
): Answer {
  for (const policy of application.policies) {
    const reason = policyReason(document, facts, policy, nowSeconds)
    if (reason === 'denied_by_policy') return no(reason, application.name)
    const isPerson = facts.subject.service === undefined
    const missing =
      reason === 'allowed_by_policy' && isPerson
        ? missingConsent(policy, application.name, facts, nowSeconds)
        : undefined
    if (missing !== undefined) return no(missing, application.name)
    if (reason !== undefined) return yes(reason, application.name)
  }
  return no(nearMiss(document, facts, application, nowSeconds), application.name)
}

/** What one policy says; undefined: nothing. */
function policyReason(
  document: PolicyDocument,
  facts: Facts,
  policy: AccessPolicy,
  nowSeconds: number,
): string | undefined {
  const { decision } = policy
  if (!countsAt(policy.timing, nowSeconds)) return undefined
  if (decision === 'service') {
    const isService = facts.subject.service !== undefined
    const isMeant = isService && conditionTruth(document, policy, facts, nowSeconds) === true
    return isMeant ? 'allowed_by_policy' : undefined
  }
  const truth = lineTruth(document, policy, facts, nowSeconds)
  if (decision === 'deny') return truth === false ? undefined : 'denied_by_policy'
  if (truth !== true) return undefined
  return decision === 'bypass' ? 'bypassed_by_policy' : 'allowed_by_policy'
}

/** What a person must still get: a purpose first, then approval. */
function missingConsent(
  { name, justify, approval }: AccessPolicy,
  application: string,
  { grants = [] }: Facts,
  nowSeconds: number,
): string | undefined {
  const has = (kind: string, validForMs: number) =>
    grants.some(
      (one) =>
        one.kind === kind &&
        one.application === application &&
        (one.policy ?? name) === name &&
        one.untilMs > nowSeconds * 1000 &&
        one.grantedAtMs + validForMs > nowSeconds * 1000,
    )
  if (justify && !has('purpose', justify.validForMs)) return 'justification_required'
  return approval && !has('approval', approval.validForMs) ? 'approval_required' : undefined
}

/** Whether a line counts: the wall clock is read as people read it. */
export function countsAt({ schedule, expiresAtSeconds }: Timing, nowSeconds: number): boolean {
  if (expiresAtSeconds !== undefined && nowSeconds >= expiresAtSeconds) return false
  if (schedule === undefined) return true
  const { days, fromMinutes, toMinutes, timeZone } = schedule
  const isOn = (day: string) => days.some((one) => one === day)
  const [day, minutes] = wallClock(nowSeconds, timeZone)
  if (fromMinutes < toMinutes) return isOn(day) && minutes >= fromMinutes && minutes < toMinutes
  const week = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
  const yesterday = week[(week.indexOf(day) + 6) % 7] ?? ''
  return (isOn(day) && minutes >= fromMinutes) || (isOn(yesterday) && minutes < toMinutes)
}

function wallClock(nowSeconds: number, timeZone: string): [string, number] {
  const parts = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  } as Intl.DateTimeFormatOptions).formatToParts(nowSeconds * 1000)
  const of = (wanted: string) => parts.find(({ type }) => type === wanted)?.value ?? ''
  return [of('weekday').toLowerCase(), Number(of('hour')) * 60 + Number(of('minute'))]
}

/** Why nobody admits: somebody nearly did, but for the login or the device. */
function nearMiss(
  document: PolicyDocument,
  facts: Facts,
  { policies }: Application,
  nowSeconds: number,
): string {
  const truth = (one: Selector) => selectorTruth(document, one, facts, nowSeconds)
  const counting = policies.filter(({ timing }) => countsAt(timing, nowSeconds))
  for (const { decision, include, require, exclude } of counting) {
    const isPerson = decision === 'allow' && facts.subject.service === undefined
    if (!isPerson || any(include.map(truth)) !== true || any(exclude.map(truth)) !== false) continue
    const missing = require.filter((one) => truth(one) !== true).flatMap(kindOf)
    const isFixable = missing.every((kind) => kind === 'posture' || kind === 'login')
    if (missing.length > 0 && isFixable)
      return missing.includes('posture') ? 'posture_failed' : 'login_insufficient'
  }
  return 'no_policy_matched'
}

function kindOf(selector: Selector): string {
  const kinds =
    selector.kind === 'any_of' ? selector.selectors.map(({ kind }) => kind) : [selector.kind]
  if (kinds.every((kind) => kind === 'device_posture')) return 'posture'
  return kinds.every((kind) => kind === 'amr' || kind === 'auth_context') ? 'login' : 'other'
}

function addressAnswer(
  document: PolicyDocument,
  facts: Facts,
  dialled: string,
  onHost: Answer,
  owner: Application | undefined,
  nowSeconds: number,
): Answer {
  const rules = document.networkRules.filter(
    (line) => line.kind === 'rule' && countsAt(line.timing, nowSeconds),
  ) as NetworkRule[]
  const onAddress = rules.filter((rule) =>
    rule.destinations.some(
      (one) => one.host.kind === 'prefix' && covers(one, facts, dialled, meantBy(rule)),
    ),
  )
  const [block] = onAddress
    .filter(
      (rule) => rule.action === 'block' && lineTruth(document, rule, facts, nowSeconds) !== false,
    )
    .sort((a, b) => a.precedence - b.precedence)
  if (block !== undefined) return no('blocked_by_rule', block.name)
  if (owner !== undefined) {
    const permitted =
      owner.name === onHost.by || applicationAnswer(document, facts, owner, nowSeconds).permit
    return permitted ? onHost : no('address_not_permitted', onHost.by)
  }
  const allowed = onAddress.some(
    (rule) => rule.action === 'allow' && lineTruth(document, rule, facts, nowSeconds) === true,
  )
  const byDefault =
    onHost.reason === 'allowed_by_default' && !allowed && isPrivate(document, dialled)
  return byDefault ? no('address_not_permitted') : onHost
}

/** An allow that names no transport is about TCP; whatever else is about everything. */
export function meantBy({ action }: NetworkRule): 'tcp' | undefined {
  return action === 'allow' ? 'tcp' : undefined
}

/** UDP where an application of HTTP or TLS stands, over TCP or UDP, by the name or by the address. */
function isQuicBeside(document: PolicyDocument, facts: Facts): boolean {
  const { host, address, transport } = facts.destination
  if (document.quic === 'allow' || transport !== 'udp') return false
  const dialled = address ?? (parseAddress(host).ok ? host : undefined)
  return (['tcp', 'udp'] as const).some((one) => {
    const asked = { ...facts, destination: { ...facts.destination, transport: one } }
    const owners = [
      mostSpecific(document, asked, host, false),
      dialled === undefined ? undefined : mostSpecific(document, asked, dialled, true),
    ]
    return owners.some((owner) => ['http', 'tls'].includes(owner?.application.protocol ?? ''))
  })
}

type Owned = { readonly application: Application; readonly destination: Destination }

export function mostSpecific(
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

export function covers(
  destination: Destination,
  facts: Facts,
  hostText: string,
  transport: 'tcp' | undefined,
): boolean {
  const { port, transport: used } = facts.destination
  const carried = (destination.transport ?? transport ?? used) === used
  const host = parseHost(hostText)
  const onPort = used === 'icmp' ? isPing(destination) : portsContain(destination.ports, port)
  if (!carried || !host.ok || !onPort) return false
  const written = destination.host
  if (written.kind === 'any') return true
  if (written.kind === 'name')
    return host.value.kind === 'name' && matchesHost(written.pattern, host.value.name)
  return host.value.kind === 'address' && prefixContains(written.prefix, host.value.address)
}

/** Ping is in what says so, and in all ports of everything. */
function isPing({ transport, ports }: Destination): boolean {
  return transport === 'icmp' || portCount(ports) === 65_535
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

function conditionTruth(
  document: PolicyDocument,
  condition: Condition,
  facts: Facts,
  nowSeconds: number,
): Truth {
  const truth = (one: Selector) => selectorTruth(document, one, facts, nowSeconds)
  const included = any(condition.include.map(truth))
  const required = not(any(condition.require.map((one) => not(truth(one)))))
  const excluded = any(condition.exclude.map(truth))
  return not(any([not(included), not(required), excluded]))
}

/** A condition of a rule, or of a policy that is not about services: they must be named there. */
function lineTruth(
  document: PolicyDocument,
  condition: Condition,
  facts: Facts,
  nowSeconds: number,
): Truth {
  const truth = conditionTruth(document, condition, facts, nowSeconds)
  const named =
    facts.subject.service === undefined || names(document, condition.include, facts, nowSeconds)
  return truth === true && !named ? undefined : truth
}

/** Values of an attribute; undefined when it is not known. A service has no attributes of persons. */
function valuesOf(kind: string, facts: Facts): readonly string[] | undefined {
  const { email, groups, deviceId, provider, login, service } = facts.subject
  const known = email.split('@').length === 2
  const person: Readonly<Record<string, readonly string[] | undefined>> = {
    email: known ? [email.toLowerCase()] : undefined,
    email_domain: known ? email.toLowerCase().split('@').slice(1) : undefined,
    group: groups,
    login_method: provider === undefined ? undefined : [provider],
    amr: login?.amr,
    auth_context: login?.acr === undefined ? undefined : [login.acr],
  }
  if (kind in person) return service === undefined ? person[kind] : []
  if (kind === 'device_id') return deviceId === '' ? undefined : [deviceId]
  return facts.country === undefined ? undefined : [facts.country]
}

export function selectorTruth(
  document: PolicyDocument,
  selector: Selector,
  facts: Facts,
  nowSeconds: number,
): Truth {
  const { service, claims } = facts.subject
  const source = parseAddress(facts.sourceAddress)
  switch (selector.kind) {
    case 'everyone':
      return service === undefined ? true : undefined
    case 'ip_range':
      return source.ok ? contains(selector.prefix, source.value) : undefined
    case 'claim':
      return service === undefined ? claims?.[selector.name]?.includes(selector.value) : false
    case 'list': {
      const list = document.lists.find(({ name }) => name === selector.list)
      const each = (list?.values ?? []).map(
        (value): Selector =>
          list?.kind === 'ip'
            ? { kind: 'ip_range', prefix: value as Prefix }
            : { kind: list?.kind as 'email', value: String(value) },
      )
      return any(each.map((one) => selectorTruth(document, one, facts, nowSeconds)))
    }
    case 'rule_group': {
      const group = document.ruleGroups.find(({ name }) => name === selector.ruleGroup)
      return group && conditionTruth(document, group, facts, nowSeconds)
    }
    case 'device_posture':
      return resultTruth(facts.posture?.[selector.check], nowSeconds)
    case 'external':
      return resultTruth(facts.evaluations?.[selector.evaluator], nowSeconds)
    case 'service_token':
      if (service === undefined || selector.token === undefined) return service !== undefined
      return service.name === selector.token
    case 'any_of':
      return any(selector.selectors.map((one) => selectorTruth(document, one, facts, nowSeconds)))
    default:
      return valuesOf(selector.kind, facts)?.includes(selector.value)
  }
}

function resultTruth(result: CheckResult | undefined, nowSeconds: number): Truth {
  return result !== undefined && result.validUntilMs > nowSeconds * 1000 ? result.passed : undefined
}

/** Whether a selector of these names the service that asks, itself or through a rule group. */
export function names(
  document: PolicyDocument,
  selectors: readonly Selector[],
  facts: Facts,
  nowSeconds: number,
): boolean {
  return selectors.some((one) => {
    if (one.kind === 'any_of') return names(document, one.selectors, facts, nowSeconds)
    if (selectorTruth(document, one, facts, nowSeconds) !== true) return false
    const group = document.ruleGroups.find(
      ({ name }) => one.kind === 'rule_group' && name === one.ruleGroup,
    )
    if (group !== undefined) return names(document, group.include, facts, nowSeconds)
    return one.kind === 'service_token'
  })
}

function contains(prefix: Parameters<typeof prefixContains>[0], address: IpAddress): boolean {
  return prefixContains(prefix, address)
}

export function any(truths: readonly Truth[]): Truth {
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
