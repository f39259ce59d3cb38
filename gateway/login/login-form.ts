/**
 * Forms of the login pages, as posted (application/x-www-form-urlencoded).
 */
import { timingSafeEqual } from 'node:crypto'

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

/** Whether a posted token is the session's; takes the same time for every wrong one. */
export function isSameToken(posted: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(posted), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}
