/**
 * What a device said of itself, and what it amounts to under the checks in force. Pure.
 */
import type { PostureObservation, PostureResult } from '#lib/wire/posture-message'
import type { CheckResult } from '../policy/facts.ts'
import {
  judgePosture,
  type PostureJudgement,
  type TimedObservation,
} from '../policy/judge-posture.ts'
import type { PostureCheck } from '../policy/posture-check.ts'

/** A check and how it stands. */
export type JudgedCheck = PostureJudgement & {
  readonly name: string
  readonly kind: PostureCheck['kind']
  /** What it rests on. */
  readonly observation?: TimedObservation
}

/**
 * Known and reported observations in one list: of each check in force the newest, nothing else.
 * @param receivedAtMs by the gateway's clock; the device only says how old each one is.
 */
export function mergeObservations(
  checks: readonly PostureCheck[],
  known: readonly TimedObservation[],
  reported: readonly PostureObservation[],
  receivedAtMs: number,
): readonly TimedObservation[] {
  const all = [...known, ...reported.map((one) => timed(one, receivedAtMs))]
  return checks.flatMap(({ name }) => {
    const own = all.filter((one) => one.name === name)
    return own.length === 0 ? [] : [own.reduce(newer)]
  })
}

function timed(
  { observedAgoMs, ...rest }: PostureObservation,
  receivedAtMs: number,
): TimedObservation {
  return { ...rest, observedAtMs: receivedAtMs - observedAgoMs }
}

/** The later one; of two at the same time the one that came last. */
function newer(a: TimedObservation, b: TimedObservation): TimedObservation {
  return b.observedAtMs >= a.observedAtMs ? b : a
}

/** Every check in force, judged at one moment. */
export function judgeAll(
  checks: readonly PostureCheck[],
  observations: readonly TimedObservation[],
  nowMs: number,
): readonly JudgedCheck[] {
  return checks.map((check) => {
    const observation = observations.find(({ name }) => name === check.name)
    const judgement = judgePosture(check, observation, nowMs)
    const { name, kind } = check
    return { name, kind, ...judgement, ...(observation !== undefined && { observation }) }
  })
}

/** As facts of a flow: a check of which nothing is known is absent. */
export function postureFacts(
  judged: readonly JudgedCheck[],
): Readonly<Record<string, CheckResult>> {
  const known = judged.filter(({ validUntilMs }) => validUntilMs > 0)
  const facts = known.map(({ name, passed, validUntilMs }) => [name, { passed, validUntilMs }])
  return Object.freeze(Object.fromEntries(facts))
}

/** Whether some check passes now and did not before, or the other way round. */
export function outcomeChanged(
  before: readonly JudgedCheck[],
  after: readonly JudgedCheck[],
): boolean {
  return after.some(
    ({ name, passed }) => before.find((one) => one.name === name)?.passed !== passed,
  )
}

/** As the device is told. */
export function postureResults(
  judged: readonly JudgedCheck[],
  nowMs: number,
): readonly PostureResult[] {
  return judged.map(({ name, passed, detail, validUntilMs }) => ({
    name,
    passed,
    detail,
    validForMs: passed ? validUntilMs - nowMs : 0,
  }))
}
