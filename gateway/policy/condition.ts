/**
 * Conditions, compiled: hashes and a trie instead of lists. Truth has three values; see ./asker.ts.
 */
import { PrefixTrie } from '#lib/net/prefix-trie'
import type { Asker } from './asker.ts'
import type { Condition, Selector } from './document.ts'

/** What came of a condition; everything but `matched` and `attribute_missing` is a plain no. */
export type Outcome =
  | 'matched'
  | 'no_match'
  | 'requirement_missing'
  | 'excluded'
  | 'attribute_missing'

/** A condition ready to evaluate. */
export type CompiledCondition = {
  readonly include: SelectorSet
  readonly require: readonly SelectorSet[]
  readonly exclude: SelectorSet
}

type Truth = 'yes' | 'no' | 'unknown'

/** Selectors of which any may hold. */
type SelectorSet = {
  readonly everyone: boolean
  readonly emails: ReadonlySet<string>
  readonly emailDomains: ReadonlySet<string>
  readonly groups: ReadonlySet<string>
  readonly deviceIds: ReadonlySet<string>
  readonly sources: PrefixTrie<true> | undefined
  readonly ruleGroups: readonly string[]
}

/** Evaluates conditions for one asker; each rule group is looked at once. */
export class ConditionEvaluator {
  readonly #groups: ReadonlyMap<string, CompiledCondition>
  readonly #asker: Asker
  readonly #known = new Map<string, Truth>()

  constructor(groups: ReadonlyMap<string, CompiledCondition>, asker: Asker) {
    this.#groups = groups
    this.#asker = asker
  }

  /** Any of include, all of require, none of exclude. */
  outcome(condition: CompiledCondition): Outcome {
    const included = this.#any(condition.include)
    if (included === 'no') return 'no_match'
    const requirements = condition.require.map((one) => this.#any(one))
    if (requirements.includes('no')) return 'requirement_missing'
    const excluded = this.#any(condition.exclude)
    if (excluded === 'yes') return 'excluded'
    const unknown = [included, ...requirements, excluded].includes('unknown')
    return unknown ? 'attribute_missing' : 'matched'
  }

  #any(set: SelectorSet): Truth {
    if (set.everyone) return 'yes'
    const { email, emailDomain, groups, deviceId, source } = this.#asker
    const truths = [
      has(set.emails, email),
      has(set.emailDomains, emailDomain),
      hasAny(set.groups, groups),
      has(set.deviceIds, deviceId),
      set.sources && (source ? truth(set.sources.longest(source) === true) : 'unknown'),
      ...set.ruleGroups.map((name) => this.#ruleGroup(name)),
    ]
    if (truths.includes('yes')) return 'yes'
    return truths.includes('unknown') ? 'unknown' : 'no'
  }

  #ruleGroup(name: string): Truth {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    // Stands while the group is looked at: a group within itself admits nobody, and cannot loop.
    this.#known.set(name, 'unknown')
    const condition = this.#groups.get(name)
    const outcome = condition === undefined ? 'attribute_missing' : this.outcome(condition)
    const found = outcome === 'attribute_missing' ? 'unknown' : truth(outcome === 'matched')
    this.#known.set(name, found)
    return found
  }
}

/** Compiles a condition as written. */
export function compileCondition({ include, require, exclude }: Condition): CompiledCondition {
  return {
    include: compileSet(include),
    require: require.map((selector) => compileSet([selector])),
    exclude: compileSet(exclude),
  }
}

function compileSet(selectors: readonly Selector[]): SelectorSet {
  const values = <K extends Selector['kind']>(kind: K) =>
    selectors.filter((one): one is Extract<Selector, { kind: K }> => one.kind === kind)
  const ranges = values('ip_range')
  return {
    everyone: values('everyone').length > 0,
    emails: new Set(values('email').map(({ email }) => email)),
    emailDomains: new Set(values('email_domain').map(({ domain }) => domain)),
    groups: new Set(values('group').map(({ group }) => group)),
    deviceIds: new Set(values('device_id').map(({ deviceId }) => deviceId)),
    sources: ranges.length === 0 ? undefined : trieOf(ranges),
    ruleGroups: values('rule_group').map(({ ruleGroup }) => ruleGroup),
  }
}

function trieOf(ranges: readonly Extract<Selector, { kind: 'ip_range' }>[]): PrefixTrie<true> {
  const trie = new PrefixTrie<true>()
  for (const { prefix } of ranges) trie.add(prefix, true)
  return trie
}

function has(set: ReadonlySet<string>, value: string | undefined): Truth {
  if (set.size === 0) return 'no'
  return value === undefined ? 'unknown' : truth(set.has(value))
}

function hasAny(set: ReadonlySet<string>, values: readonly string[] | undefined): Truth {
  if (set.size === 0) return 'no'
  return values === undefined ? 'unknown' : truth(values.some((value) => set.has(value)))
}

function truth(value: boolean): Truth {
  return value ? 'yes' : 'no'
}
