/**
 * The decision on a flow: what the DNS phase blocks; rules before the applications, the applications, rules after them, the default; then the
 * address. Pure and total: anything unknown denies.
 */
import { isWithinDomain } from '#lib/net/host'
import { standingRefusal } from './asker.ts'
import type { CompiledPolicy } from './compile.ts'
import type { Decision } from './decision.ts'
import type { Facts } from './facts.ts'
import { deny, type Flow, readFlow, type Verdict } from './flow.ts'
import { addressPhase, hasAddress, isPublicAddress } from './phases/address.ts'
import { applicationPhase } from './phases/application.ts'
import { dnsPhase } from './phases/dns.ts'
import { networkPhase } from './phases/network.ts'
import { quicPhase } from './phases/quic.ts'

/**
 * Decides on all facts there are: a name alone, or with the address it was resolved to.
 * @param nowSeconds Unix time, against which the length of sessions is measured.
 */
export function evaluate(policy: CompiledPolicy, facts: Facts, nowSeconds: number): Decision {
  return evaluateAt(policy, facts, facts.destination?.address, nowSeconds)
}

/** Decides before anything is resolved; an address among the facts is not looked at. */
export function decide(policy: CompiledPolicy, facts: Facts, nowSeconds: number): Decision {
  return evaluateAt(policy, facts, undefined, nowSeconds)
}

/** Decides once more before dialling `facts.destination.address`; without one, denies. */
export function decideAddress(policy: CompiledPolicy, facts: Facts, nowSeconds: number): Decision {
  return evaluateAt(policy, facts, facts.destination.address ?? '', nowSeconds)
}

function evaluateAt(
  policy: CompiledPolicy,
  facts: Facts,
  resolved: string | undefined,
  nowSeconds: number,
): Decision {
  const refusal = standingRefusal(facts, nowSeconds)
  if (refusal !== undefined) return { ...deny(refusal), revision: policy.revision, trace: [] }
  const flow = readFlow(policy, facts, resolved, nowSeconds)
  const verdict = flow === undefined ? deny('bad_destination') : verdictOn(policy, flow)
  const { revision } = policy
  const validUntilSeconds = flow?.moment.validUntilSeconds
  const trace = flow?.trace ?? []
  // Not a spread: V8 takes 2 µs to add keys to the copy that a spread makes.
  return Object.assign({}, verdict, {
    revision,
    ...(Number.isFinite(validUntilSeconds) && { validUntilSeconds: Number(validUntilSeconds) }),
    trace,
  })
}

function verdictOn(policy: CompiledPolicy, flow: Flow): Verdict {
  const named = dnsPhase(policy, flow)
  if (named !== undefined && 'kind' in named) return named
  const verdict = carriedBy(policy, flow)
  const isBound = named !== undefined || policy.namesAreBound
  if (verdict.kind === 'denial' || flow.host.kind === 'address' || !isBound) return verdict
  return {
    ...verdict,
    ...(named !== undefined && { names: named }),
    ...(policy.namesAreBound && { meetsAliases: true }),
  }
}

/** The verdict but for the DNS phase. */
function carriedBy(policy: CompiledPolicy, flow: Flow): Verdict {
  const verdict =
    unprotected(policy, flow) ??
    networkPhase(policy.rulesBefore, flow) ??
    applicationPhase(policy, flow) ??
    networkPhase(policy.rulesAfter, flow) ??
    defaultVerdict(policy, flow)
  const asksForLogin = verdict.kind === 'permit' && verdict.reason !== 'bypassed_by_policy'
  if (asksForLogin && isLoggedOut(flow)) {
    const { rule } = verdict
    const remedy = flow.asker.isService ? 'none' : 'login'
    return deny('session_revoked', { remedy, ...(rule !== undefined && { rule }) })
  }
  const passed =
    verdict.kind === 'permit' && hasAddress(flow) ? addressPhase(policy, flow, verdict) : verdict
  return passed.kind === 'permit' ? quicPhase(policy, flow, passed) : passed
}

/** Where all sessions of a device or user were revoked, nobody is logged in: no permit stands but a bypass. */
function isLoggedOut({ asker, loginsNotBefore: { allMs } }: Flow): boolean {
  return allMs !== undefined && !((asker.login?.atMs ?? Number.NEGATIVE_INFINITY) > allMs)
}

/** What must be protected and is not: no rule opens it. */
function unprotected(policy: CompiledPolicy, flow: Flow): Verdict | undefined {
  const { host, service } = flow
  const [found] = policy.protectedOnes.matches(host, service)
  if (found === undefined || policy.exempt.matches(host, service).length > 0) return undefined
  if (policy.applications.matches(host, service).length > 0) return undefined
  const { text: detail } = found.destination
  flow.trace.push({ phase: 'network', name: 'require_protection', outcome: 'matched', detail })
  return deny('protection_required')
}

/** The default is about persons: a service passes only where it is named. */
function defaultVerdict(policy: CompiledPolicy, flow: Flow): Verdict {
  const isPublic = isPublicDestination(policy, flow)
  const outcome = isPublic && !flow.asker.isService ? publicDefault(policy, flow) : 'block'
  flow.trace.push({ phase: 'default', name: isPublic ? 'public' : 'private', outcome })
  if (!isPublic) return deny('no_application')
  if (outcome === 'block') return deny('blocked_by_default')
  return { kind: 'permit', reason: 'allowed_by_default', enforcement: { kind: 'relay' } }
}

function publicDefault({ document }: CompiledPolicy, { service }: Flow): 'allow' | 'block' {
  const { publicDefault: overTcp, publicDatagrams } = document
  return overTcp === 'allow' && service.transport !== 'tcp' ? publicDatagrams : overTcp
}

/** Private are: addresses not of the public Internet, names without a dot, names in the tunnelled domains. */
function isPublicDestination(policy: CompiledPolicy, { host }: Flow): boolean {
  if (host.kind === 'address') return isPublicAddress(host.address)
  const { name } = host
  return name.includes('.') && !policy.privateDomains.some((domain) => isWithinDomain(name, domain))
}
