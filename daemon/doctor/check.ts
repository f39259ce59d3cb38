/**
 * What a check is: the codes it may give, and how facts become one of them. Pure.
 */
import type { Finding, Verdict } from '#lib/api/doctor-api'
import type { DoctorFacts } from './facts.ts'

/** What a code means, the same wherever it is found. */
export type Meaning = {
  readonly verdict: Verdict
  readonly cause: string
  readonly remedy?: string
}

/** A code, and what this machine shows of it. */
export type Found<Code extends string> = readonly [code: Code, detail?: string | undefined]

export type Check = {
  readonly name: string
  /** Of the reference page: "looks at …". */
  readonly looksAt: string
  readonly meanings: Readonly<Record<string, Meaning>>
  /** At least one finding. */
  readonly examine: (facts: DoctorFacts) => readonly Finding[]
}

type Definition<Code extends string> = {
  readonly name: string
  readonly looksAt: string
  /** Proxy mode works without it: there a problem is a warning. */
  readonly transparentOnly?: boolean
  readonly codes: Readonly<Record<Code, Meaning>>
  readonly judge: (facts: DoctorFacts) => readonly Found<NoInfer<Code>>[]
}

/** Makes a check of its table of codes and its judgement. */
export function defineCheck<Code extends string>(definition: Definition<Code>): Check {
  const { name, looksAt, codes, judge, transparentOnly = false } = definition
  return {
    name,
    looksAt,
    meanings: codes,
    examine: (facts) =>
      judge(facts).map(([code, detail]) => {
        const { verdict, ...meaning }: Meaning = codes[code]
        const isMild = transparentOnly && facts.mode === 'proxy' && verdict === 'problem'
        return {
          check: name,
          verdict: isMild ? 'warning' : verdict,
          code,
          ...meaning,
          ...(detail !== undefined && { detail }),
        }
      }),
  }
}

export const fine = (cause: string): Meaning => ({ verdict: 'ok', cause })
export const warning = (cause: string, remedy: string): Meaning => ({
  verdict: 'warning',
  cause,
  remedy,
})
export const problem = (cause: string, remedy: string): Meaning => ({
  verdict: 'problem',
  cause,
  remedy,
})
/** @param remedy how it could be looked at, where there is a way. */
export const notChecked = (cause: string, remedy?: string): Meaning => ({
  verdict: 'not_checked',
  cause,
  ...(remedy === undefined ? {} : { remedy }),
})
