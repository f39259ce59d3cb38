/**
 * What any provider says about a person, brought into the one form that policies rely on. Values are authentic already;
 * here is decided whether they can be used.
 */
import { err, ok, type Result } from '#lib/result'
import { parseEmail } from './email.ts'
import type { Claims } from './identity.ts'

/** Why a login ends without a user, though the provider vouched for somebody. */
export type PersonReason = 'no_email' | 'bad_email' | 'bad_groups' | 'bad_claims'

/** More would make every decision slow; the largest directories cut the claim near 200. */
const GROUPS_LIMIT = 1000
const GROUP_NAME_LIMIT = 256
const CLAIM_VALUES_LIMIT = 100
const CLAIM_VALUE_LIMIT = 1024
const NAME_LIMIT = 128

type Read<T> = Result<T, { readonly reason: PersonReason }>

/** Reads an address. @returns it in lower case. */
export function readEmail(value: unknown): Read<string> {
  if (value === undefined) return err({ reason: 'no_email' })
  const email = typeof value === 'string' ? parseEmail(value) : undefined
  return email === undefined ? err({ reason: 'bad_email' }) : ok(email)
}

/**
 * Reads names of groups. A list that cannot be read whole is a refusal: policies may *exclude* by group, and a list cut
 * short would let an excluded user in.
 */
export function readGroups(values: readonly unknown[]): Read<readonly string[]> {
  const groups = texts(values, GROUPS_LIMIT, GROUP_NAME_LIMIT)
  return groups === undefined ? err({ reason: 'bad_groups' }) : ok(groups)
}

/**
 * Reads the claims that policies ask about.
 * @param valuesOf what the provider says to a name; undefined when it says nothing.
 */
export function readClaims(
  names: readonly string[],
  valuesOf: (name: string) => readonly unknown[] | undefined,
): Read<Claims> {
  const stated = names.flatMap((name) => {
    const values = valuesOf(name)
    return values === undefined ? [] : [{ name, values }]
  })
  const claims = stated.map(
    ({ name, values }) => [name, texts(values, CLAIM_VALUES_LIMIT, CLAIM_VALUE_LIMIT)] as const,
  )
  const whole = claims.every(
    (claim): claim is [string, readonly string[]] => claim[1] !== undefined,
  )
  return whole ? ok(Object.fromEntries(claims)) : err({ reason: 'bad_claims' })
}

/** Reads a display name; undefined when there is none. */
export function readName(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, NAME_LIMIT) : undefined
}

/** Each text once; undefined when one is no text, is empty or too long, or when there are too many. */
function texts(
  values: readonly unknown[],
  countLimit: number,
  lengthLimit: number,
): readonly string[] | undefined {
  const isText = (value: unknown): value is string =>
    typeof value === 'string' && value.length > 0 && value.length <= lengthLimit
  return values.length <= countLimit && values.every(isText) ? [...new Set(values)] : undefined
}
