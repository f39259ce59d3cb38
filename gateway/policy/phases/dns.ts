/**
 * The DNS phase: rules by precedence; the first that matches decides on a question. What it blocks or answers itself
 * binds connections to the name as well, so that a program which asks nobody does not get around it.
 */
import { TYPE } from '#lib/dns/codes'
import type { HostName } from '#lib/net/host'
import type { CompiledNameRule, CompiledPolicy } from '../compile.ts'
import type { NameWay, NameWays } from '../decision.ts'
import type { NameAction } from '../document.ts'
import { decidedBy, deny, type Flow, type Verdict } from '../flow.ts'
import { applies, byPrecedence, ruleOutcome } from './network.ts'

/** What is asked for. */
export type NameQuestion = {
  /** As `readName` gives it. */
  readonly name: string
  /** Number of the record type. */
  readonly type: number
  /** Names that it was found to lead to. */
  readonly aliases?: readonly string[]
}

/** A rule that decides. */
export type NameRuleFound = {
  readonly rule: CompiledNameRule
  /** The alias that it is about; absent: the name itself. */
  readonly alias?: string
}

/** Who asks, and the trace as it grows. */
export type Asking = Pick<Flow, 'conditions' | 'trace'>

/** The rule that decides on a question: the first that is about its name or an alias. Appends to the trace. */
export function nameRuleFor(
  { nameRules }: Pick<CompiledPolicy, 'nameRules'>,
  { name, type, aliases = [] }: NameQuestion,
  asking: Asking,
): NameRuleFound | undefined {
  const about = (one: string) => nameRules.onHost({ kind: 'name', name: one as HostName })
  for (const rule of byPrecedence([name, ...aliases].flatMap(about))) {
    // ANY would bring what a rule keeps back.
    if (rule.types !== undefined && type !== TYPE.ANY && !rule.types.has(type)) continue
    const outcome = ruleOutcome(rule, asking)
    const decides = applies(rule, outcome)
    const by = decides ? decidedBy(rule, outcome, asking) : {}
    const named = [name, ...aliases].find((one) => about(one).some(({ value }) => value === rule))
    const detail = named === name ? rule.action : `${rule.action}, alias ${named}`
    asking.trace.push({ phase: 'dns', name: rule.name, outcome, detail, ...by })
    if (decides) return named === undefined || named === name ? { rule } : { rule, alias: named }
  }
  return undefined
}

/** A denial where a connection to this name has no address left; else where its addresses come from, if not from itself. */
export function dnsPhase(policy: CompiledPolicy, flow: Flow): Verdict | NameWays | undefined {
  if (flow.host.kind === 'address' || policy.document.dns.rules.length === 0) return undefined
  const { aliases, host } = flow
  const { name } = host
  const rule4 = nameRuleFor(policy, { name, aliases, type: TYPE.A }, flow)?.rule
  const rule6 = nameRuleFor(
    policy,
    { name, aliases, type: TYPE.AAAA },
    { ...flow, trace: [] },
  )?.rule
  const ways = { v4: wayOf(rule4?.effect, 4), v6: wayOf(rule6?.effect, 6) }
  if (ways.v4 === 'own' && ways.v6 === 'own') return undefined
  if (ways.v4 !== 'none' || ways.v6 !== 'none') return ways
  const rule = rule4 ?? rule6
  return deny('blocked_by_dns_rule', rule && { rule: rule.name })
}

function wayOf(effect: NameAction | undefined, version: 4 | 6): NameWay {
  if (effect === undefined || effect.kind === 'allow') return 'own'
  if (effect.kind === 'block') return 'none'
  if ('alias' in effect) return { alias: effect.alias }
  const addresses = effect.addresses.filter((text) => text.includes(':') === (version === 6))
  return addresses.length === 0 ? 'none' : { addresses }
}
