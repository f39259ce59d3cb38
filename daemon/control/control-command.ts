/** What commands of `zt` work with, and what they come to. */
import type { Agent } from 'node:https'
import type { ControlResult, DaemonStatus } from '#lib/api/control-api'
import type { DoctorReport } from '#lib/api/doctor-api'
import type { Setting } from '#lib/api/setting'
import type { Log } from '#lib/log'
import { ok, type Result } from '#lib/result'
import type { Device } from '../device-client.ts'
import type { DeviceNames } from '../device-names-client.ts'
import type { PortalWatch } from '../life/portal-job.ts'
import type { Told } from '../prompt/told.ts'
import type { ControlFailure } from './control-server.ts'

export type CommandDeps = {
  readonly device: Device
  readonly told: Told
  readonly names: Pick<DeviceNames, 'answer' | 'answerOurs' | 'targetOf'>
  readonly portal: Pick<PortalWatch, 'openNow' | 'closeNow'>
  readonly agent: Agent
  readonly status: () => DaemonStatus
  readonly settings: () => readonly Setting[]
  readonly consult: (bundle: boolean) => Promise<DoctorReport>
  /** Name of this machine, for the login page. */
  readonly machineName: string
  readonly log: Log
}

export type Answer = Promise<Result<ControlResult, ControlFailure>>
export type StatusMethod = 'status' | 'enroll' | 'login' | 'up' | 'down' | 'override' | 'portal'

/** How long `enroll`, `login` and `up` wait for the tunnel, so that their answer says how it went. */
export const SETTLE_MS = 5_000

export function done(method: StatusMethod, { status }: CommandDeps): Result<ControlResult, never> {
  return ok({ method, status: status() })
}
