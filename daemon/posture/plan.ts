/**
 * What is to be looked at when, and what is told: the daemon's side of posture without its clock and its machine. Pure.
 */
import { elapsedMs, type Moment } from '#lib/moment'
import type {
  PostureFailure,
  PostureFinding,
  PostureObservation,
  PostureRequest,
} from '#lib/wire/posture-message'
import { POSTURE_AGE_LIMIT_MS, POSTURE_CHECK_LIMIT } from '#lib/wire/posture-schema'

/** What a collector came back with. */
export type Found = PostureFinding | PostureFailure

/** The last look at what one request asks for. */
export type Look = {
  readonly request: PostureRequest
  readonly found: Found
  readonly at: Moment
}

/** What to look at now, and how long nothing else is due. */
export type PosturePlan = {
  readonly due: readonly PostureRequest[]
  /** Undefined when nothing is asked. */
  readonly waitMs?: number
}

/** Plans the next step. */
export function planLooks(
  requests: readonly PostureRequest[],
  looks: readonly Look[],
  now: Moment,
): PosturePlan {
  if (requests.length === 0) return { due: [] }
  const waits = requests.map((request) => {
    const look = lookFor(request, looks)
    return look === undefined ? 0 : Math.max(0, request.everyMs - elapsedMs(look.at, now))
  })
  const due = requests.filter((_, at) => waits[at] === 0)
  const rest = requests.map(({ everyMs }, at) => waits[at] || everyMs)
  return { due, waitMs: Math.min(...rest) }
}

/** The last look at exactly what is asked: a request that was written anew has none. */
export function lookFor(request: PostureRequest, looks: readonly Look[]): Look | undefined {
  return looks.find(({ request: { name, kind, lookAt } }) => {
    const same =
      lookAt.length === request.lookAt.length &&
      lookAt.every((one, at) => one === request.lookAt[at])
    return name === request.name && kind === request.kind && same
  })
}

/** The looks with a later one in place of the one before it. */
export function withLook(looks: readonly Look[], later: Look): readonly Look[] {
  const before = lookFor(later.request, looks)
  return [...looks.filter((one) => one !== before), later]
}

/** Looks as observations; those that are too old to say anything are left out. */
export function observationsOf(looks: readonly Look[], now: Moment): readonly PostureObservation[] {
  return looks
    .map(({ request: { name, kind, lookAt }, found, at }) => ({
      ...{ name, kind, lookAt, found },
      observedAgoMs: elapsedMs(at, now),
    }))
    .filter(({ observedAgoMs }) => observedAgoMs <= POSTURE_AGE_LIMIT_MS)
}

/** In batches of which each fits one message, by octets and by count. An observation that fits none is told as one that could not be made. */
export function packObservations(
  observations: readonly PostureObservation[],
  limitBytes: number,
): readonly (readonly PostureObservation[])[] {
  const packed: PostureObservation[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const whole of observations) {
    const one = sizeOf(whole) > limitBytes ? { ...whole, found: TOO_LARGE } : whole
    size += sizeOf(one)
    if (size > limitBytes || packed.at(-1)?.length === POSTURE_CHECK_LIMIT) {
      packed.push([])
      size = sizeOf(one)
    }
    packed.at(-1)?.push(one)
  }
  return packed
}

const TOO_LARGE: PostureFailure = { kind: 'none', reason: 'unreadable', detail: 'too much to tell' }

function sizeOf(observation: PostureObservation): number {
  return Buffer.byteLength(JSON.stringify(observation)) + 1
}
