import { timingSafeEqual } from 'node:crypto'

/** Whether a text that was given is the secret one; takes the same time for every wrong one of its length. */
export function isSameText(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)]
  return a.length === b.length && timingSafeEqual(a, b)
}
