/**
 * Posture of this device: looks at what the gateway asks for as often as it asks, tells it, and remembers what the
 * gateway made of it. Nothing is looked at that was not asked for.
 */
import type { PostureStatus } from '#lib/api/control-api'
import type { Log } from '#lib/log'
import type { Result } from '#lib/result'
import type { PostureObservation, PostureRequest, PostureResult } from '#lib/wire/posture-message'
import { momentNow as now } from '../moment-os.ts'
import type { Collect } from './collect-os.ts'
import {
  type Look,
  lookFor,
  observationsOf,
  packObservations,
  planLooks,
  withLook,
} from './plan.ts'
import { postureStatus, type ToldResults } from './posture-status.ts'

export type PostureDeps = {
  readonly collect: Collect
  /** Never rejects. */
  readonly report: (
    observations: readonly PostureObservation[],
  ) => Promise<Result<readonly PostureResult[], { readonly reason: string }>>
  /** Called when everything that was asked has been told once, or could not be. */
  readonly onTold: () => void
  readonly log: Log
}

export interface PostureJob {
  /** Takes what the gateway asks for now; what is known of it already is told again. */
  ask(requests: readonly PostureRequest[]): void
  /** Whether something that was asked last has not been told yet, not even once. */
  readonly isSettling: boolean
  readonly checks: readonly PostureStatus[]
  /** Looks at once what is due by now: a laptop that slept has no timers. */
  wake(): void
  stop(): void
}

/** Octets of observations in one message: with its envelope within the gateway's limit of a line. */
const MESSAGE_LIMIT_BYTES = 15 * 1024

export function startPosture({ collect, report, onTold, log }: PostureDeps): PostureJob {
  const stopping = new AbortController()
  const looking = new Set<PostureRequest>()
  let requests: readonly PostureRequest[] = []
  let looks: readonly Look[] = []
  let untold: readonly Look[] = []
  let results: ToldResults | undefined
  let isTelling = false
  let isSettling = false
  let timer: NodeJS.Timeout | undefined

  function step(): void {
    clearTimeout(timer)
    const { due, waitMs } = planLooks(requests, looks, now())
    for (const request of due) if (!looking.has(request)) look(request).catch(failed)
    if (waitMs !== undefined) timer = setTimeout(step, waitMs)
  }

  async function look(request: PostureRequest): Promise<void> {
    looking.add(request)
    const at = now()
    const found = await collect(request, stopping.signal)
    looking.delete(request)
    if (!requests.includes(request) || stopping.signal.aborted) return
    const known = { request, found, at }
    looks = withLook(looks, known)
    await tell([known])
  }

  async function tell(more: readonly Look[]): Promise<void> {
    untold = more.reduce(withLook, untold)
    if (isTelling) return
    isTelling = true
    while (untold.length > 0) {
      const observations = observationsOf(untold, now())
      untold = []
      for (const batch of packObservations(observations, MESSAGE_LIMIT_BYTES)) {
        const answer = await report(batch)
        if (answer.ok) results = { results: answer.value, at: now() }
      }
    }
    isTelling = false
    settle()
  }

  function settle(): void {
    const isAllTold = requests.every((request) => lookFor(request, looks) !== undefined)
    if (!isSettling || !isAllTold) return
    isSettling = false
    onTold()
  }

  function failed(error: unknown): void {
    log.error({ error: String(error) }, 'posture not told')
  }

  return {
    ask(wanted) {
      requests = wanted
      isSettling = wanted.length > 0
      looks = looks.filter((one) => wanted.some((request) => lookFor(request, [one]) === one))
      tell(looks).catch(failed)
      step()
    },
    get isSettling() {
      return isSettling
    },
    get checks() {
      return requests.map((request) =>
        postureStatus(request, lookFor(request, looks), results, now()),
      )
    },
    wake: step,
    stop() {
      requests = []
      clearTimeout(timer)
      stopping.abort()
    },
  }
}
