/**
 * Forms of the login pages, as posted (application/x-www-form-urlencoded).
 */
import { createHmac } from 'node:crypto'

/** Longest form that is read, in bytes: a code and a token are under 100. */
export const FORM_LIMIT_BYTES = 2048

/**
 * Reads a form with exactly these fields, each once.
 * @returns the values, or undefined for anything else. Never throws.
 */
export function readForm<Name extends string>(
  body: unknown,
  names: readonly Name[],
): Readonly<Record<Name, string>> | undefined {
  if (!(body instanceof URLSearchParams)) return undefined
  const given = [...body.keys()].sort()
  if (given.join() !== [...names].sort().join()) return undefined
  return Object.fromEntries(body) as Record<Name, string>
}

/** A token that stands for `what` and nothing else, where no stage of a journey can hold a random one. */
export function derivedToken(key: Uint8Array, what: string): string {
  return createHmac('sha256', key).update(what).digest('base64url')
}
