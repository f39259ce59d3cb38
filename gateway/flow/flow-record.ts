/**
 * One record per flow: opened, decided, closed. Refused and unreachable flows have one too.
 */
import type { TraceStep } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Reason } from '../policy/reasons.ts'

/** The state a record was last written in. */
export type FlowState = 'opened' | 'decided' | 'closed'

/** Row of the flow log. Times are Unix milliseconds. */
export type FlowRecord = {
  readonly id: string
  readonly state: FlowState
  readonly openedAtMs: number
  readonly decidedAtMs?: number
  readonly closedAtMs?: number
  readonly facts: Facts
  readonly verdict?: 'permit' | 'denial'
  readonly reason?: Reason
  readonly application?: string
  readonly policy?: string
  readonly rule?: string
  readonly revision?: number
  /** How long it waited for its user, milliseconds; absent when it did not. */
  readonly heldMs?: number
  readonly trace?: readonly TraceStep[]
  /** Address that was dialled. */
  readonly dialled?: string
  readonly sentBytes?: number
  readonly receivedBytes?: number
  /** Datagrams that the gateway dropped, both ways together; absent where it carried none. */
  readonly droppedDatagrams?: number
  /** Why it ended: `done`, or a code. */
  readonly closeReason?: string
  /** Claims of the daemon: logged, never authorising. */
  readonly process?: string
  readonly correlationId?: string
  /** Application session it was permitted under. */
  readonly accessSessionId?: string
  /** Recording of this flow's SSH session, if any. */
  readonly sessionId?: string
}
