/**
 * One flow between CONNECT and its end: joins the request, the table and the record, so that each of them
 * hears of every change exactly once. Owns no socket.
 */
import type { Duplex } from 'node:stream'
import type { FlowDetail, FlowEnd, FlowRecording } from '../flow/flow-recorder.ts'
import type { Decision } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Reason } from '../policy/reasons.ts'
import type { OpenPrompt } from '../prompt/hold.ts'
import type { IncomingFlow } from '../tunnel/incoming.ts'
import { wireRefusal } from '../tunnel/refusal.ts'
import { createEndSignal, type EndSignal } from './end-signal.ts'
import type { FlowServerDeps } from './flow-deps.ts'

export interface LiveFlow {
  readonly id: string
  /** As they are known now, kept in the table: a change that concerns the flow renews them there. */
  facts: Facts
  /** Raised when the flow was cut or its peer left: stop what you do for it. */
  readonly ended: EndSignal
  /** Answers 200, once; later calls give the same stream. Undefined when the flow has ended. */
  accept(): Duplex | undefined
  /** Notes a decision in record and table. @returns false when the flow has ended: do not go on. */
  decided(decision: Decision, detail?: FlowDetail): boolean
  /** Ends the flow with a reason: as the answer to CONNECT, or by a reset when it was answered already. */
  refuse(reason: Reason, detail?: FlowDetail): void
  /** Notes why a flow that was answered does not come about; whoever speaks with the client tells it. */
  missed(reason: Reason): void
  /** Bounds what the device sends before the answer: above it the flow is refused. @returns what puts it back. */
  takeEarly(): () => void
  /** Notes how long the flow waited for its user, ms; times add up. */
  noteHeld(heldMs: number): void
  /** Resets the stream towards the device; queued data is dropped. */
  reset(): void
  /** Notes the session's recording. */
  noteSession(sessionId: string): void
  /** Writes the end, once, and leaves the table. */
  end(end: FlowEnd): void
  /** Tells the device something, while the flow goes on. */
  tell(reason: string, sentence: string): void
  /** Cuts the flow: for the table. */
  readonly cut: (reason: string) => void
  /** Called by `cut` in place of a plain reset, once a relay runs. */
  onCut: (reason: string) => void
  /** Told what the user is asked for while the flow is held. */
  onAsked: (prompt: OpenPrompt) => void
}

type LiveFlowDeps = Pick<FlowServerDeps, 'table' | 'sessions' | 'reconsiderAt' | 'notify' | 'tell'>

const ignore = (): void => undefined

export function createLiveFlow(
  flow: IncomingFlow,
  record: FlowRecording,
  first: Facts,
  { table, sessions, reconsiderAt, notify, tell }: LiveFlowDeps,
): LiveFlow {
  const { signal: ended, raise } = createEndSignal()
  let stream: Duplex | undefined
  let noted: FlowDetail = {}
  let failedChecks: readonly string[] | undefined
  let isOver = false
  let last = first

  const live: LiveFlow = {
    id: record.id,
    get facts() {
      return table.get(record.id)?.facts ?? last
    },
    set facts(facts) {
      last = facts
      table.update(record.id, { facts })
    },
    ended,
    accept() {
      if (!ended.hasEnded) stream ??= flow.accept()
      return stream
    },
    decided(decision, detail = {}) {
      failedChecks = decision.kind === 'denial' ? decision.failedChecks : undefined
      const session = decision.kind === 'permit' ? sessions.used(decision, live.facts) : undefined
      const used = session === undefined ? {} : { accessSessionId: session.id }
      record.decided(decision, { facts: live.facts, ...noted, ...used, ...detail })
      const isLive = table.update(record.id, { decision })
      if (decision.validUntilSeconds !== undefined) reconsiderAt(decision.validUntilSeconds)
      return isLive && !ended.hasEnded
    },
    refuse(reason, detail = {}) {
      record.refused(reason, { facts: live.facts, ...noted, ...detail })
      live.end({ closeReason: reason })
      if (stream === undefined) flow.refuse(wireRefusal(reason, failedChecks))
      else flow.reset()
    },
    missed: (reason) => record.refused(reason, { facts: live.facts, ...noted }),
    takeEarly: () =>
      stream === undefined ? flow.takeEarly(() => live.refuse('hold_full')) : ignore,
    noteHeld(heldMs) {
      noted = { ...noted, heldMs: (noted.heldMs ?? 0) + heldMs }
    },
    reset: () => flow.reset(),
    noteSession(sessionId) {
      noted = { ...noted, sessionId }
    },
    end(end) {
      if (isOver) return
      isOver = true
      last = live.facts
      table.close(record.id)
      record.closed(end, { facts: last, ...noted })
    },
    tell: (reason, sentence) => tell(first.subject.deviceId, reason, sentence),
    cut(reason) {
      raise()
      notify(live.facts, reason)
      live.onCut(reason)
    },
    onCut(reason) {
      live.end({ closeReason: reason })
      flow.reset()
    },
    onAsked: ignore,
  }
  flow.onGone(raise)
  return live
}
