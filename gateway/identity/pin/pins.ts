/**
 * One-time PINs under way. They live in memory: a restart ends them, as it ends the browsers' cookies. An address that
 * gets no mail has an entry all the same, which no PIN opens, so that it behaves like the others.
 */
import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'

/** How long a PIN lives, ms. */
export const PIN_LIFETIME_MS = 600_000
/** Six digits. */
const PIN_COUNT = 1_000_000
const TRIES = 5
/** Live PINs of an address; and of those, asked for from one address of the network, so that nobody uses up all (T29). */
const LIVE_OF_EMAIL = 3
const LIVE_OF_PAIR = 2

type Entry = {
  readonly email: string
  readonly source: string
  readonly expiresAtMs: number
  /** Of the PIN that was mailed; absent: none was. */
  readonly digest?: Buffer
  triesLeft: number
}

/** An address that asked for a PIN. */
export type PinRequest = {
  readonly email: string
  /** Where the browser is; addresses that count as one are the same text. */
  readonly source: string
  /** Whether this address may have a PIN at all. */
  readonly isAllowed: boolean
}

export interface Pins {
  /** Begins an entry. With a PIN it is to be mailed. The id belongs to one browser and is a secret. */
  issue(request: PinRequest): { readonly id: string; readonly pin?: string }
  /** Tries a PIN; a right one is used up. @returns the address, or why not. */
  redeem(id: string, pin: string): { readonly email: string } | 'wrong' | 'over'
  /** Address of a live entry. */
  emailOf(id: string): string | undefined
}

/** @param now Unix milliseconds. */
export function openPins(now: () => number): Pins {
  const key = randomBytes(32)
  const entries = new Map<string, Entry>()
  const digestOf = (id: string, pin: string) =>
    createHmac('sha256', key).update(`${id}:${pin}`).digest()
  const live = (id: string): Entry | undefined => {
    const entry = entries.get(id)
    return entry !== undefined && entry.triesLeft > 0 && now() < entry.expiresAtMs
      ? entry
      : undefined
  }
  const mayMail = ({ email, source, isAllowed }: PinRequest): boolean => {
    const mailed = [...entries.values()].filter(
      (one) => one.email === email && one.digest !== undefined,
    )
    const here = mailed.filter((one) => one.source === source)
    return isAllowed && mailed.length < LIVE_OF_EMAIL && here.length < LIVE_OF_PAIR
  }
  const forgetOld = (): void => {
    for (const [id, { expiresAtMs }] of entries) if (now() >= expiresAtMs) entries.delete(id)
  }
  return {
    issue(request) {
      forgetOld()
      const id = randomBytes(16).toString('base64url')
      const pin = String(randomInt(PIN_COUNT)).padStart(6, '0')
      const digest = digestOf(id, pin)
      const isMailed = mayMail(request)
      const { email, source } = request
      const entry = { email, source, expiresAtMs: now() + PIN_LIFETIME_MS, triesLeft: TRIES }
      entries.set(id, isMailed ? { ...entry, digest } : entry)
      return isMailed ? { id, pin } : { id }
    },
    redeem(id, pin) {
      const entry = live(id)
      if (entry === undefined) return 'over'
      const isRight = timingSafeEqual(digestOf(id, pin), entry.digest ?? digestOf(id, ''))
      if (isRight && entry.digest !== undefined) {
        // Kept without tries: it still counts among those mailed.
        entry.triesLeft = 0
        return { email: entry.email }
      }
      entry.triesLeft -= 1
      return 'wrong'
    },
    emailOf: (id) => live(id)?.email,
  }
}
