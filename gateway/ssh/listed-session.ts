/** A session as those see it who look after sessions. */
import type { SshFlow, SshTarget } from '../enforce/ssh-service.ts'
import { subjectName } from '../facts/subject-name.ts'
import type { LiveSession } from '../live/live-session.ts'
import type { Moderation } from '../live/moderation.ts'
import type { Recorder } from '../recording/recorder.ts'
import type { GatewayEnd } from './session-end.ts'
import type { SessionWatch } from './session-watch.ts'
import type { SshServiceDeps } from './ssh-service-deps.ts'

export type ListedOf = {
  readonly sessionId: string
  readonly flow: SshFlow
  readonly reached: SshTarget
  readonly unixUser: string
  readonly recorder: Recorder | undefined
  readonly watch: SessionWatch
  readonly moderation: Moderation | undefined
  readonly end: (reason: GatewayEnd) => void
  readonly deps: Pick<SshServiceDeps, 'now'>
}

/** It begins now. */
export function listedSession({ flow, reached, recorder, watch, ...of }: ListedOf): LiveSession {
  const { permit, limits } = reached
  const { subject, destination } = flow.facts
  const { now } = of.deps
  const startedAtMs = now()
  return {
    about: {
      ...{ id: of.sessionId, flowId: flow.flowId, startedAtMs, unixUser: of.unixUser },
      ...{ user: subjectName(subject), deviceId: subject.deviceId },
      ...{ host: destination.host, port: destination.port },
      ...{ application: permit.application ?? '', policy: permit.policy ?? '' },
    },
    recorded: recorder !== undefined,
    recordScope: limits.recordScope,
    watch: limits.watch ?? 'told',
    ...(of.moderation && { moderation: of.moderation }),
    get passedOctets() {
      return watch.passedOctets
    },
    get elapsedMs() {
      return recorder?.elapsedMs ?? now() - startedAtMs
    },
    note: (event) => watch.event(event),
    end: of.end,
    follow: (tap) => watch.follow(tap),
    tellUser: flow.tell,
  }
}
