/**
 * A flow as a line of the access log: who, on what, where to, what was decided, by which line and why, and what came of
 * it. docs/reference/access-log.md describes each key; they are stable.
 */
import { times } from '../admin/admin-json.ts'
import type { FlowRecord } from '../flow/flow-record.ts'
import type { Facts, Grant } from '../policy/facts.ts'

export type AccessLine = ReturnType<typeof accessLine>

/** Total: whatever an older version stored has a line. */
export function accessLine(record: FlowRecord) {
  const { id, state, facts, reason, closeReason, dialled } = record
  const {
    sentBytes,
    receivedBytes,
    droppedDatagrams,
    application,
    policy,
    rule,
    revision,
    heldMs,
  } = record
  return {
    type: 'flow' as const,
    id,
    state,
    ...times({
      openedAt: record.openedAtMs,
      decidedAt: record.decidedAtMs,
      closedAt: record.closedAtMs,
    }),
    ...whoOf(facts ?? {}),
    decision: record.verdict ?? 'none',
    by: decidedBy(record),
    ...defined({ reason, application, policy, rule, selector: selectorOf(record), revision }),
    ...defined({ sessionId: record.accessSessionId, recordingId: record.sessionId }),
    ...consentOf(record),
    ...defined({ dialled, sentBytes, receivedBytes, droppedDatagrams, closeReason, heldMs }),
    ...defined({ process: record.process }),
  }
}

function whoOf({ subject, destination, sourceAddress, country }: Partial<Facts>) {
  const { email, userId, deviceId, service, provider }: Partial<Facts['subject']> = subject ?? {}
  const { host, port, transport, address }: Partial<Facts['destination']> = destination ?? {}
  return {
    ...defined({
      user: service === undefined ? email : undefined,
      userId,
      service: service?.name,
      device: deviceId,
      provider,
    }),
    ...defined({ source: sourceAddress, country }),
    destination: defined({ host, port, transport, address }),
  }
}

/** What kind of line decided; `none` where it came to no decision of the policy. */
function decidedBy({ reason, policy, rule, revision, facts }: FlowRecord) {
  if (revision === undefined) return 'none'
  if (rule !== undefined) return 'rule'
  if (policy === undefined) return reason === 'allowed_by_default' ? 'default' : 'none'
  if (reason === 'bypassed_by_policy') return 'bypass'
  return facts?.subject?.service === undefined ? 'policy' : 'service'
}

function selectorOf({ trace = [], application, policy, rule }: FlowRecord): string | undefined {
  const line = rule ?? `${application}/${policy}`
  return trace.find(({ name, selector }) => name === line && selector !== undefined)?.selector
}

/** What the person stated, and who agreed, as far as it counted for this application then. */
function consentOf({ facts, application, decidedAtMs = 0 }: FlowRecord) {
  const grants: readonly Grant[] = Array.isArray(facts?.grants) ? facts.grants : []
  const counted = grants.filter(
    (one) => one.application === application && one.untilMs > decidedAtMs,
  )
  return defined({
    purpose: counted.findLast(({ text }) => text !== undefined)?.text,
    approver: counted.findLast(({ approver }) => approver !== undefined)?.approver,
  })
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function defined<T extends object>(values: T): Defined<T> {
  const present = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(present) as Defined<T>
}
