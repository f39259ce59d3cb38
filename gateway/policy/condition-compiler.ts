/**
 * From conditions as written to tests. What is written alike is compiled once: thousands of applications ask for the
 * same, and what a decision looks at is then few enough to stay in the processor's cache.
 */
import type { CompiledCondition, SelectorSet } from './condition.ts'
import type { Condition, Selector } from './document.ts'
import { type CompiledLists, compileServiceTests, compileTests } from './selector-test.ts'

/** Compiles conditions against the lists of one policy. */
export class ConditionCompiler {
  readonly #lists: CompiledLists
  /** By their text as JSON, which says all of a selector. */
  readonly #conditions = new Map<string, CompiledCondition>()
  readonly #sets = new Map<string, SelectorSet>()

  constructor(lists: CompiledLists) {
    this.#lists = lists
  }

  condition({ include, require, exclude }: Condition): CompiledCondition {
    return once(this.#conditions, JSON.stringify([include, require, exclude]), () => ({
      include: this.set(include),
      require: require.map((selector) => this.set([selector])),
      exclude: this.set(exclude),
    }))
  }

  /** Selectors of which any may hold. */
  set(written: readonly Selector[]): SelectorSet {
    return once(this.#sets, JSON.stringify(written), () => compileSet(written, this.#lists))
  }
}

function compileSet(written: readonly Selector[], lists: CompiledLists): SelectorSet {
  const selectors = written.flatMap((one) => (one.kind === 'any_of' ? one.selectors : [one]))
  let apart: readonly SelectorSet[] | undefined
  return {
    everyone: selectors.some(({ kind }) => kind === 'everyone'),
    tests: compileTests(selectors, lists),
    services: compileServiceTests(selectors),
    ruleGroups: selectors.flatMap((one) => (one.kind === 'rule_group' ? [one.ruleGroup] : [])),
    selectors,
    apart: () => {
      apart ??= selectors.map((one) => compileSet([one], lists))
      return apart
    },
  }
}

/** The value that is known by this key, made when it is not. */
export function once<T>(made: Map<string, T>, key: string, make: () => T): T {
  const known = made.get(key)
  if (known !== undefined) return known
  const value = make()
  made.set(key, value)
  return value
}
