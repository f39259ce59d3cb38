/**
 * Conditions, compiled: hashes and a trie instead of lists. Truth has three values; see ./asker.ts.
 */
import type { IpAddress } from '#lib/net/address'
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
  #known: Map<string, Truth> | undefined

  constructor(groups: ReadonlyMap<string, CompiledCondition>, asker: Asker) {
    this.#groups = groups
    this.#asker = asker
  }

  /** Any of include, all of require, none of exclude. */
  outcome({ include, require, exclude }: CompiledCondition): Outcome {
    const included = this.#any(include)
    if (included === 'no') return 'no_match'
    let unknown = included === 'unknown'
    for (const one of require) {
      const required = this.#any(one)
      if (required === 'no') return 'requirement_missing'
      unknown ||= required === 'unknown'
    }
    const excluded = this.#any(exclude)
    if (excluded === 'yes') return 'excluded'
    return unknown || excluded === 'unknown' ? 'attribute_missing' : 'matched'
  }

  #any(set: SelectorSet): Truth {
    if (set.everyone) return 'yes'
    let found = this.#attributes(set)
    for (const name of set.ruleGroups) found = or(found, this.#ruleGroup(name))
    return found
  }

  #attributes({ emails, emailDomains, groups, deviceIds, sources }: SelectorSet): Truth {
    const asker = this.#asker
    const named = or(has(emails, asker.email), has(emailDomains, asker.emailDomain))
    const device = or(has(deviceIds, asker.deviceId), lies(sources, asker.source))
    return or(or(named, device), hasAny(groups, asker.groups))
  }

  #ruleGroup(name: string): Truth {
    this.#known ??= new Map()
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

function or(a: Truth, b: Truth): Truth {
  if (a === 'yes' || b === 'yes') return 'yes'
  return a === 'unknown' || b === 'unknown' ? 'unknown' : 'no'
}

function lies(sources: PrefixTrie<true> | undefined, source: IpAddress | undefined): Truth {
  if (sources === undefined) return 'no'
  return source === undefined ? 'unknown' : truth(sources.longest(source) === true)
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
