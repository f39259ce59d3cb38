/**
 * Conditions, compiled, and evaluated for one asker. Truth has three values; see ./truth.ts.
 */
import type { Asker } from './asker.ts'
import type { Selector } from './document.ts'
import type { Moment } from './moment.ts'
import type { Test } from './selector-test.ts'
import { or, type Truth, truth } from './truth.ts'

/** What came of a condition; everything but `matched` and `attribute_missing` is a plain no. */
export type Outcome =
  | 'matched'
  | 'no_match'
  | 'requirement_missing'
  | 'excluded'
  | 'attribute_missing'
  /** Not looked at: the line does not count at this time. */
  | 'not_scheduled'
  | 'expired'

/** A condition ready to evaluate. */
export type CompiledCondition = {
  readonly include: SelectorSet
  readonly require: readonly SelectorSet[]
  readonly exclude: SelectorSet
}

/** Selectors of which any may hold. */
export type SelectorSet = {
  readonly everyone: boolean
  readonly tests: readonly Test[]
  /** Those of the tests that name the service that asks. */
  readonly services: readonly Test[]
  readonly ruleGroups: readonly string[]
  /** As written. */
  readonly selectors: readonly Selector[]
  /** Each selector by itself; made when it is first asked for. */
  readonly apart: () => readonly SelectorSet[]
}

/** Evaluates conditions for one asker at one moment; each rule group is looked at once. */
export class ConditionEvaluator {
  readonly #groups: ReadonlyMap<string, CompiledCondition>
  readonly #asker: Asker
  readonly #moment: Moment
  #known: Map<string, Truth> | undefined

  constructor(groups: ReadonlyMap<string, CompiledCondition>, asker: Asker, moment: Moment) {
    this.#groups = groups
    this.#asker = asker
    this.#moment = moment
  }

  get moment(): Moment {
    return this.#moment
  }

  get isService(): boolean {
    return this.#asker.isService
  }

  /**
   * Any of include, all of require, none of exclude.
   * @param forServices whether services are meant without being named in `include`.
   */
  outcome({ include, require, exclude }: CompiledCondition, forServices = false): Outcome {
    const included = forServices ? this.any(include) : this.#included(include)
    if (included === 'no') return 'no_match'
    let unknown = included === 'unknown'
    for (const one of require) {
      const required = this.any(one)
      if (required === 'no') return 'requirement_missing'
      unknown ||= required === 'unknown'
    }
    const excluded = this.any(exclude)
    if (excluded === 'yes') return 'excluded'
    return unknown || excluded === 'unknown' ? 'attribute_missing' : 'matched'
  }

  /** Whether any selector holds. */
  any({ everyone, tests, ruleGroups }: SelectorSet): Truth {
    let found: Truth = 'no'
    // "Everyone" are persons; it must not let a service in, and must not let one off.
    if (everyone) found = this.#asker.isService ? 'unknown' : 'yes'
    for (let at = 0; at < tests.length && found !== 'yes'; at++) {
      found = or(found, tests[at]?.(this.#asker, this.#moment) ?? 'no')
    }
    for (let at = 0; at < ruleGroups.length && found !== 'yes'; at++) {
      found = or(found, this.#ruleGroup(ruleGroups[at] ?? ''))
    }
    return found
  }

  /** The selector by which a condition matched. To be asked once, about the line that decided: it looks at each by itself. */
  decidedBy({ include }: CompiledCondition): Selector | undefined {
    const [first, ...more] = include.selectors
    if (more.length === 0) return first
    return include.apart().find((one) => this.#included(one) === 'yes')?.selectors[0]
  }

  /** A service is included only where it is named: what holds for it by chance is as good as not known. */
  #included(include: SelectorSet): Truth {
    const included = this.any(include)
    const byChance = included === 'yes' && this.#asker.isService && !this.#names(include, 0)
    return byChance ? 'unknown' : included
  }

  #names({ services, ruleGroups }: SelectorSet, depth: number): boolean {
    if (services.some((test) => test(this.#asker, this.#moment) === 'yes')) return true
    return ruleGroups.some((name) => {
      const include = this.#ruleGroup(name) === 'yes' && this.#groups.get(name)?.include
      return include && depth < NESTING_LIMIT && this.#names(include, depth + 1)
    })
  }

  #ruleGroup(name: string): Truth {
    this.#known ??= new Map()
    const known = this.#known.get(name)
    if (known !== undefined) return known
    // Stands while the group is looked at: a group within itself admits nobody, and cannot loop.
    this.#known.set(name, 'unknown')
    const condition = this.#groups.get(name)
    const outcome = condition === undefined ? 'attribute_missing' : this.outcome(condition, true)
    const found = outcome === 'attribute_missing' ? 'unknown' : truth(outcome === 'matched')
    this.#known.set(name, found)
    return found
  }
}

/** Rule groups within rule groups, at most. */
export const NESTING_LIMIT = 16
