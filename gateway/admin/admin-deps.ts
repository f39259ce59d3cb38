/** What the admin API works on. */
import type { Log } from '#lib/log'
import type { EvidenceSigner } from '#lib/recording/evidence-signature'
import type { RecipientSet } from '#lib/seal/container-writer'
import type { AccessChange } from '../access-change.ts'
import type { AccessRequests } from '../access-request/access-requests-store.ts'
import type { AuditLog } from '../audit/audit-log-store.ts'
import type { AnswerName } from '../dns/name-answerer.ts'
import type { NameServers } from '../dns/name-servers-client.ts'
import type { Explainer } from '../enforce/explainer-client.ts'
import type { StandingOf } from '../facts/gather.ts'
import type { FlowTap } from '../flow/flow-tap.ts'
import type { LiveSessions } from '../live/live-sessions.ts'
import type { CompiledPolicy } from '../policy/compile.ts'
import type { JudgedCheck } from '../posture/observations.ts'
import type { Keeping } from '../recording/keeping-store.ts'
import type { ServiceTokens } from '../service-token/service-tokens-store.ts'
import type { Sessions } from '../session/sessions-store.ts'
import type { RegisteredTargets } from '../ssh/login/registered-targets-store.ts'
import type { SshAuthorities } from '../ssh-ca/ssh-authorities-store.ts'
import type { Store } from '../store/store.ts'

export type AdminDeps = {
  readonly store: Store
  readonly audit: AuditLog
  /** Signs what the gateway states as evidence. */
  readonly evidenceSigner: () => Promise<EvidenceSigner>
  /** Legal hold and shredding. */
  readonly keeping: Pick<Keeping, 'hold' | 'release' | 'shred'>
  /** Signs the audit log as it is now. */
  readonly signCheckpoint: () => Promise<string>
  /** Folder of sealed recordings. */
  readonly recordingsDir: string
  /** Called after a device is marked revoked: live connections end now. */
  readonly onDeviceRevoked: (deviceId: string) => void
  readonly sessions: Sessions
  readonly serviceTokens: ServiceTokens
  readonly sshAuthorities: SshAuthorities
  readonly accessRequests: AccessRequests
  /** Key of codes that lift the lock of a device. */
  readonly overrideKey: (deviceId: string) => Uint8Array
  /** How the posture checks of a device stand. */
  readonly posture: (deviceId: string) => readonly JudgedCheck[]
  /** Tells what changed, so that live flows are decided again. @returns how many were cut. */
  readonly tell: (change: AccessChange) => number
  readonly sshTargets: RegisteredTargets
  readonly standing: StandingOf
  readonly explainer: Explainer
  readonly answerName: AnswerName
  /** Resolvers by zone. */
  readonly resolvers: NameServers['status']
  /** Flow records as they are written. */
  readonly flowTap: Pick<FlowTap, 'follow'>
  /** SSH sessions that go on. */
  readonly live: LiveSessions
  /** Who may open recordings; undefined while no list is in force. */
  readonly recipients: () => RecipientSet | undefined
  /** The policy in force. */
  readonly policy: () => CompiledPolicy
  readonly nowMs: () => number
  readonly log: Log
}
