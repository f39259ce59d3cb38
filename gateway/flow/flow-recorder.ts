/**
 * Turns what happens to a flow into its record: opened, decided, closed; each state is put to the store.
 * Refused and unreachable flows go the same way. Owns no socket, no clock and no store.
 */
import { randomUUID } from 'node:crypto'
import type { Decision } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Reason } from '../policy/reasons.ts'
import type { FlowRecord } from './flow-record.ts'

/** How a flow ended: `done`, or the code of what ended it; octets from and to the device. */
export type FlowEnd = {
  readonly closeReason: string
  readonly sentBytes?: number
  readonly receivedBytes?: number
  readonly droppedDatagrams?: number
}

/** What becomes known about a flow on the way. */
export type FlowDetail = {
  /** Facts of a later pass: protocol seen, address resolved. */
  readonly facts?: Facts
  /** Address that is dialled. */
  readonly dialled?: string
  /** Application session it is permitted under. */
  readonly accessSessionId?: string
  /** How long it waited for its user, milliseconds. */
  readonly heldMs?: number
  /** Recording of this flow's SSH session. */
  readonly sessionId?: string
}

/** The record of one flow, as its enforcer writes it. After `closed` every call is without effect. */
export interface FlowRecording {
  readonly id: string
  /** Notes the verdict; the last one counts, since a flow may be decided again. */
  decided(decision: Decision, detail?: FlowDetail): void
  /** Notes why a permitted flow did not come about, or a refusal that no rule made. */
  refused(reason: Reason, detail?: FlowDetail): void
  closed(end: FlowEnd, detail?: FlowDetail): void
}

export type FlowRecorderDeps = {
  /** Store of the records: `store.flows.put`. */
  readonly put: (record: FlowRecord) => void
  /** Unix milliseconds. */
  readonly now: () => number
}

/** Flow ids are random: they stand in file names, logs and answers, and must not be guessable or countable. */
export function newFlowId(): string {
  return randomUUID()
}

/** Opens the record of a flow: facts as first known, and the daemon's claims. */
export function openFlowRecord(
  { put, now }: FlowRecorderDeps,
  start: Pick<FlowRecord, 'id' | 'facts' | 'process' | 'correlationId'>,
): FlowRecording {
  const opened: FlowRecord = { ...start, state: 'opened', openedAtMs: now() }
  let record = opened
  let known: FlowDetail = {}
  put(opened)
  const write = (before: FlowRecord, detail: FlowDetail, change: Partial<FlowRecord>): void => {
    if (record.state === 'closed') return
    known = { ...known, ...detail }
    record = { ...before, ...known, ...change }
    put(record)
  }
  return {
    id: start.id,
    decided(decision, detail = {}) {
      // A later decision replaces an earlier one whole: no name of a rule that no longer applies stays.
      write(opened, detail, {
        ...fromDecision(decision),
        state: 'decided',
        decidedAtMs: now(),
      })
    },
    refused(reason, detail = {}) {
      const state = 'decided'
      write(record, detail, { verdict: 'denial', reason, state, decidedAtMs: now() })
    },
    closed(end, detail = {}) {
      write(record, detail, { ...end, state: 'closed', closedAtMs: now() })
    },
  }
}

function fromDecision(decision: Decision): Partial<FlowRecord> {
  const { kind, reason, application, policy, rule, revision, trace } = decision
  return {
    verdict: kind,
    reason,
    revision,
    trace,
    ...(application === undefined ? {} : { application }),
    ...(policy === undefined ? {} : { policy }),
    ...(rule === undefined ? {} : { rule }),
  }
}
