/**
 * Work that arrives by the clock, whether or not the one before is done: a system that falls behind shows it in the
 * latency instead of being asked less.
 */
import { setTimeout as sleep } from 'node:timers/promises'

export type Arrivals = { readonly perSecond: number; readonly seconds: number }

export type OpenLoop = {
  /** From the moment each was due to its end; successes only. */
  readonly latenciesMs: readonly number[]
  readonly failures: number
}

/** @param act one arrival's work; false when it failed. @returns when the last one is done. */
export async function openLoop(
  { perSecond, seconds }: Arrivals,
  act: () => Promise<boolean>,
): Promise<OpenLoop> {
  const latenciesMs: number[] = []
  let failures = 0
  const startedAtMs = performance.now()
  const arrival = async (index: number): Promise<void> => {
    const dueAtMs = startedAtMs + (index * 1000) / perSecond
    await sleep(Math.max(dueAtMs - performance.now(), 0))
    if (await act()) latenciesMs.push(performance.now() - dueAtMs)
    else failures++
  }
  await Promise.all(Array.from({ length: perSecond * seconds }, (_, index) => arrival(index)))
  return { latenciesMs, failures }
}
