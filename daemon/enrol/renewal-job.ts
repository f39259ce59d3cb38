/**
 * Keeps the device certificate fresh: at half of its life over the tunnel, over the login listener once it has lapsed.
 */
import type { Agent } from 'node:https'
import { ENROL_PATHS } from '#lib/api/enrol-api'
import type { Log } from '#lib/log'
import { err, type Result } from '#lib/result'
import type { TunnelClient } from '../tunnel/tunnel.ts'
import { type EnrolFailure, readRenewal, renewalBody, renewLapsed } from './enrol-client.ts'
import { loginOriginOf } from './enrolment-client.ts'
import { parseJson } from './https-json-client.ts'
import { planRenewal, type Registration, validityOf } from './registration.ts'

export type RenewalOptions = {
  /** The registration now. */
  readonly registration: () => Registration
  readonly tunnel: Pick<TunnelClient, 'post'>
  readonly agent: Agent
  /** Keeps and uses the new certificate, PEM. */
  readonly onRenewed: (certificate: string) => void
  /** Called with the reason of each failure, and with undefined after success. */
  readonly onReason: (reason: string | undefined) => void
  readonly log: Log
  /** How often the clock is looked at, milliseconds; a laptop that slept has no timers. Default 60 s. */
  readonly checkMs?: number
}

export interface RenewalJob {
  /** Looks at once: the tunnel has just come up. */
  wake(): void
  stop(): void
}

const CHECK_MS = 60_000
/** Many devices lose a gateway at once; they must not all come back in one second. */
const JITTER = 0.2

/** Starts at once, and looks again each minute. */
export function startRenewal(options: RenewalOptions): RenewalJob {
  const { checkMs = CHECK_MS } = options
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let isChecking = false

  async function check(): Promise<void> {
    const { certificate } = options.registration()
    const plan = planRenewal(certificate, Date.now())
    if (plan.action === 'enrol_again') options.onReason('certificate_too_old')
    if (plan.action === 'renew') await renewOnce(options, () => stopped)
  }
  function schedule(delayMs: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => {
      isChecking = true
      check()
        .catch((error: unknown) => options.log.error({ error: String(error) }, 'renewal failed'))
        .finally(() => {
          isChecking = false
          if (!stopped) schedule(checkMs * (1 + JITTER * Math.random()))
        })
    }, delayMs)
    timer.unref()
  }
  schedule(0)
  return {
    wake: () => {
      if (!stopped && !isChecking) schedule(0)
    },
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}

async function renewOnce(options: RenewalOptions, isStopped: () => boolean): Promise<void> {
  const registration = options.registration()
  const lapsed = validityOf(registration.certificate).notAfterMs <= Date.now()
  const renewed = lapsed
    ? await renewLapsed(loginOriginOf(registration, options.agent), registration)
    : await renewOverTunnel(registration, options.tunnel)
  // A login or a logout meanwhile has the last word.
  if (isStopped() || options.registration().certificate !== registration.certificate) return
  if (renewed.ok) {
    options.log.info({ lapsed }, 'certificate renewed')
    options.onReason(undefined)
    options.onRenewed(renewed.value)
  } else {
    options.log.warn({ reason: renewed.error.reason, lapsed }, 'certificate not renewed')
    // While the certificate is good, an absent gateway is the tunnel's reason, not ours.
    if (lapsed) options.onReason(renewed.error.reason)
  }
}

async function renewOverTunnel(
  registration: Registration,
  tunnel: Pick<TunnelClient, 'post'>,
): Promise<Result<string, EnrolFailure>> {
  const audience = new URL(registration.tunnelUrl).origin
  const body = await renewalBody(registration, audience, Math.floor(Date.now() / 1000))
  const answer = await tunnel.post(ENROL_PATHS.renewOverTunnel, JSON.stringify(body))
  if (!answer.ok) return err({ reason: answer.error.reason, detail: 'The gateway is away.' })
  if (answer.value.status === 200)
    return readRenewal(parseJson(answer.value.body), registration.key)
  const reason = reasonIn(parseJson(answer.value.body))
  return err({ reason, detail: `The gateway refused the renewal: ${reason}.` })
}

function reasonIn(body: unknown): string {
  const named =
    body !== null && typeof body === 'object' && 'error' in body ? body.error : undefined
  return typeof named === 'string' && /^[a-z_]{1,64}$/.test(named) ? named : 'renewal_refused'
}
