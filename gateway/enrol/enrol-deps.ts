/**
 * What enrolment works on, and what it remembers and logs of one request.
 */
import { createHash } from 'node:crypto'
import type { EnrolReason } from '#lib/api/enrol-api'
import type { Log } from '#lib/log'
import type { Result } from '#lib/result'
import type { AccessChange } from '../access-change.ts'
import type { Authority } from '../keys/gateway-keys.ts'
import type { ServiceTokens } from '../service-token/service-tokens-store.ts'
import type { Enrolment, Store } from '../store/store.ts'

export type EnrolDeps = {
  readonly store: Pick<Store, 'users' | 'devices' | 'enrolments'>
  readonly serviceTokens: Pick<ServiceTokens, 'check' | 'userOf'>
  readonly deviceCa: Authority
  /** CA of our listeners, PEM: devices pin it. */
  readonly gatewayCaPem: string
  /** Origin of the login listener, `https://host:port`. */
  readonly loginOrigin: string
  readonly tunnelUrl: string
  /** Told when a device has a new login. */
  readonly tell: (change: AccessChange) => void
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: Log
}

export type Outcome<T> = Promise<Result<T, EnrolReason>>

/** What a restart may lose of an enrolment: when it was polled, why it was denied. */
export type Memory = {
  readonly expiresAtMs: number
  readonly lastPollMs?: number
  readonly reason?: EnrolReason
}

/** By digest of the device code. */
export type Memories = Map<string, Memory>

/** Names an enrolment in the log by its key: codes are secrets. */
export function about(enrolment: Enrolment, more: Readonly<Record<string, unknown>> = {}) {
  const { keySha256, deviceName, sourceAddress } = enrolment
  return { keySha256, deviceName, sourceAddress, ...more }
}

/** Codes have 256 and 43 bits and live ten minutes: a plain digest keeps them out of the store. */
export function codeDigest(code: string): string {
  return createHash('sha256').update(code).digest('hex')
}
