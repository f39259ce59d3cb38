/** What happened to a laptop between two looks at it: it slept, it moved. Pure; the looks are taken by ./look-os.ts. */
import type { Moment } from '#lib/moment'

/** What is seen of the surroundings of this machine. */
export type Look = {
  readonly at: Moment
  /** Each "LINK ADDRESS" by which other machines can be reached, sorted. */
  readonly addresses: readonly string[]
  /** Tells one version of the resolver's configuration from another. */
  readonly resolver: string
}

/**
 * `slept`: it did not run, or its clock was put forward, which looks the same from within. `clock_changed`: its clock
 * was put back.
 */
export type Change = 'slept' | 'clock_changed' | 'addresses_changed' | 'resolver_changed'

/** From one look to the next. */
export const LOOK_EVERY_MS = 500
/** How much later than that a look may be, or one clock than the other, for nothing to be wrong. */
const TOLERANCE_MS = 2_000

/** What happened, if anything; each change once. */
export function changesBetween(before: Look, now: Look): readonly Change[] {
  const steadyMs = now.at.steadyMs - before.at.steadyMs
  const aheadMs = now.at.wallMs - before.at.wallMs - steadyMs
  const slept = steadyMs > LOOK_EVERY_MS + TOLERANCE_MS || aheadMs > TOLERANCE_MS
  return [
    ...(slept ? (['slept'] as const) : []),
    ...(aheadMs < -TOLERANCE_MS ? (['clock_changed'] as const) : []),
    ...(isSame(before.addresses, now.addresses) ? [] : (['addresses_changed'] as const)),
    ...(before.resolver === now.resolver ? [] : (['resolver_changed'] as const)),
  ]
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, at) => one === b[at])
}
