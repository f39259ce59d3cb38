/**
 * One flow under evaluation: facts in comparable form, and the trace as it grows. Lives for one evaluation.
 */
import { equalAddresses, type IpAddress, parseAddress } from '#lib/net/address'
import { type Host, parseHost } from '#lib/net/endpoint'
import { type Asker, readAsker, serviceEndSeconds } from './asker.ts'
import type { CompiledPolicy } from './compile.ts'
import { type CompiledCondition, ConditionEvaluator, type Outcome } from './condition.ts'
import type { Denial, Permit, TraceStep } from './decision.ts'
import type { Service } from './destination-index.ts'
import type { RegisteredTarget } from './document.ts'
import type { ApplicationProtocol, Facts, LoginsNotBefore } from './facts.ts'
import type { Moment } from './moment.ts'
import { selectorText } from './selector-text.ts'

/** A decision before what every decision carries is put on. */
export type Verdict = Omit<Permit, PutOn> | Omit<Denial, PutOn>
type PutOn = 'revision' | 'trace' | 'validUntilSeconds'

/** What phases look at. */
export type Flow = {
  readonly host: Host
  readonly service: Service
  /** Names that the host leads to, as far as known. */
  readonly aliases: readonly string[]
  /** Where it would be dialled: the literal asked for, or what the name was resolved to. */
  readonly address: IpAddress | undefined
  readonly protocol: ApplicationProtocol | undefined
  readonly asker: Asker
  readonly conditions: ConditionEvaluator
  readonly loginsNotBefore: LoginsNotBefore
  readonly grants: Facts['grants']
  /** The target that is registered there. */
  readonly registered: () => RegisteredTarget | undefined
  readonly moment: Moment
  /** Steps so far; phases append. */
  readonly trace: TraceStep[]
}

/**
 * Reads the facts.
 * @param resolved the address to decide on, in place of the one among the facts.
 * @returns undefined when the destination is no host and port, or a literal with
 * another address behind it.
 */
export function readFlow(
  policy: CompiledPolicy,
  facts: Facts,
  resolved: string | undefined,
  nowSeconds: number,
): Flow | undefined {
  const { host: hostText, port, transport, aliases = [] } = facts.destination ?? {}
  const host = parseHost(String(hostText))
  if (!host.ok || !isService({ port, transport })) return undefined
  const address = addressOf(host.value, resolved)
  if (address === 'mismatch') return undefined
  const asker = readAsker(facts)
  const moment = { nowSeconds, validUntilSeconds: serviceEndSeconds(facts) }
  return {
    host: host.value,
    service: { port, transport },
    aliases,
    address,
    protocol: facts.protocol,
    asker,
    conditions: new ConditionEvaluator(policy.ruleGroups, asker, moment),
    loginsNotBefore: facts.loginsNotBefore ?? {},
    grants: facts.grants,
    registered: () => registeredAt(policy, host.value, { port, transport }, address),
    moment,
    trace: [],
  }
}

/** Ping has port 0, and nothing else has. */
function isService({ port, transport }: Service): boolean {
  if (transport === 'icmp') return port === 0
  const isKnown = transport === 'tcp' || transport === 'udp'
  return isKnown && Number.isInteger(port) && port >= 1 && port <= 65535
}

/** By the name that was asked for; else by the address behind it, which is what is dialled. */
function registeredAt(
  { sshTargetIndex }: CompiledPolicy,
  host: Host,
  service: Service,
  address: IpAddress | undefined,
): RegisteredTarget | undefined {
  const named = sshTargetIndex.matches(host, service)[0]
  const found = named ?? (address && sshTargetIndex.onAddress(address, service)[0])
  return found?.value
}

function addressOf(host: Host, resolved: string | undefined): IpAddress | undefined | 'mismatch' {
  if (host.kind === 'name' && resolved === undefined) return undefined
  if (host.kind === 'address' && resolved === undefined) return host.address
  const parsed = parseAddress(String(resolved))
  if (!parsed.ok) return 'mismatch'
  const same = host.kind === 'name' || equalAddresses(host.address, parsed.value)
  return same ? parsed.value : 'mismatch'
}

/** A denial without a remedy of the user's own. */
export function deny(
  reason: Denial['reason'],
  more: Partial<Pick<Denial, 'application' | 'policy' | 'rule' | 'remedy' | 'prompt'>> = {},
): Verdict {
  return { kind: 'denial', reason, remedy: 'none', ...more }
}

/** The names of what decided. */
export function namesOf({ application, policy, rule }: Verdict) {
  return {
    ...(application !== undefined && { application }),
    ...(policy !== undefined && { policy }),
    ...(rule !== undefined && { rule }),
  }
}

/** For the trace: the selector by which the line that decides matched. */
export function decidedBy(
  { condition }: { readonly condition: CompiledCondition },
  outcome: Outcome,
  { conditions }: Pick<Flow, 'conditions'>,
): Pick<TraceStep, 'selector'> {
  const selector = outcome === 'matched' ? conditions.decidedBy(condition) : undefined
  return selector === undefined ? {} : { selector: selectorText(selector) }
}

/** Notes that what was looked at holds only until this time, Unix seconds. */
export function holdsUntil({ moment }: Pick<Flow, 'moment'>, seconds: number): void {
  moment.validUntilSeconds = Math.min(moment.validUntilSeconds, seconds)
}
