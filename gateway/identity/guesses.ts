/**
 * Limits on guessing a secret of an account. Counted for the account, for the address of the browser, and for both
 * together, in the store: a restart forgives nothing. An account that does not exist is counted like one that does, so
 * the answer tells nothing about it. Where a person has logged in before, the guesses of others do not keep them out (T29).
 */
import { createHash } from 'node:crypto'
import { sourceKey } from '#lib/net/source-key'
import type { Store } from '../store/store.ts'
import { type BackOff, waitMs } from './back-off.ts'

/** From one address, at one account: a person who mistypes. */
const PAIR: BackOff = { free: 5, firstMs: 30_000, longestMs: 3_600_000 }
/** From one address, at all accounts: an office behind one address also logs in here. */
const SOURCE: BackOff = { free: 30, firstMs: 30_000, longestMs: 3_600_000 }
/** At one account, from everywhere. NIST SP 800-63B section 5.2.2: not more than 100 failures in a row. */
const ACCOUNT: BackOff = { free: 50, firstMs: 60_000, longestMs: 86_400_000 }
/** A count that rests this long is forgotten, ms; longer than every wait. */
const MEMORY_MS = 30 * 86_400_000

/** One guess, counted as wrong until it is said to be right. */
export type Guess = {
  /** It was right. */
  right(): void
  /** It was neither: it could not be tried. */
  untried(): void
}

/** Takes a guess, or undefined: it is too early for another one. */
export type TakeGuess = (account: string, source: string) => Guess | undefined

/** @param name tells the guesses of one provider from those of another. */
export function openGuesses(
  name: string,
  store: Pick<Store, 'guesses'>,
  now: () => number,
): TakeGuess {
  const key = (...parts: string[]) =>
    createHash('sha256')
      .update(JSON.stringify([name, ...parts]))
      .digest('hex')
  return (account, source) => {
    const from = sourceKey(source)
    const keys = {
      pair: key('pair', account, from),
      source: key('source', from),
      account: key('account', account),
    }
    const nowMs = now()
    store.guesses.forget(nowMs - MEMORY_MS)
    const mustWait = (of: string, limit: BackOff) => {
      const past = store.guesses.get(of)
      return past !== undefined && waitMs(limit, past, nowMs) > 0
    }
    const isKnownHere = store.guesses.get(keys.pair)?.succeededAtMs !== undefined
    if (mustWait(keys.pair, PAIR)) return undefined
    if (!isKnownHere && (mustWait(keys.source, SOURCE) || mustWait(keys.account, ACCOUNT))) {
      return undefined
    }
    const all = Object.values(keys)
    // Before the answer is known: many guesses at one time are as many guesses.
    for (const one of all) store.guesses.count(one, nowMs)
    return {
      right() {
        store.guesses.succeed(keys.pair, now())
        store.guesses.succeed(keys.account, now())
        // Not forgiven: whoever has an account could go on guessing at others from there.
        store.guesses.takeBack(keys.source)
      },
      untried() {
        for (const one of all) store.guesses.takeBack(one)
      },
    }
  }
}
