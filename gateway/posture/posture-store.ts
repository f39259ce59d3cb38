/**
 * Posture of all devices: takes their reports, keeps them, and says how each check stands now.
 */
import type { PostureObservation, PostureResult } from '#lib/wire/posture-message'
import type { Facts } from '../policy/facts.ts'
import type { PostureCheck } from '../policy/posture-check.ts'
import type { Store } from '../store/store.ts'
import {
  type JudgedCheck,
  judgeAll,
  mergeObservations,
  outcomeChanged,
  postureFacts,
  postureResults,
} from './observations.ts'

export type PostureDeps = {
  readonly store: Pick<Store, 'posture'>
  /** Those of the policy in force. */
  readonly checks: () => readonly PostureCheck[]
  /** Called after a report under which a check passes or fails that did not before. */
  readonly onChange: (deviceId: string) => void
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface Posture {
  /** How every check in force stands. */
  of(deviceId: string): readonly JudgedCheck[]
  /** The same as facts; nothing where nothing is checked. */
  facts(deviceId: string): Pick<Facts, 'posture'>
  /** Takes what a device says now. Who it is was proved by its certificate. @returns what it amounts to. */
  report(deviceId: string, observations: readonly PostureObservation[]): readonly PostureResult[]
}

export function openPosture({ store, checks, onChange, now }: PostureDeps): Posture {
  const of = (deviceId: string): readonly JudgedCheck[] => {
    const inForce = checks()
    return inForce.length === 0 ? [] : judgeAll(inForce, store.posture.get(deviceId), now())
  }
  return {
    of,
    facts(deviceId) {
      const judged = of(deviceId)
      return judged.length === 0 ? {} : { posture: postureFacts(judged) }
    },
    report(deviceId, observations) {
      const before = of(deviceId)
      const known = store.posture.get(deviceId)
      store.posture.put(deviceId, mergeObservations(checks(), known, observations, now()))
      const after = of(deviceId)
      if (outcomeChanged(before, after)) onChange(deviceId)
      return postureResults(after, now())
    },
  }
}
