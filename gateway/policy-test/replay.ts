/**
 * Recorded flows, decided again on the facts they were decided on, at the time they were. Only a changed verdict counts:
 * the name of a rule that allows what another allowed is no change of access. Memory is bounded whatever the flows are.
 */
import { printFlowEndpoint } from '#lib/net/flow-endpoint'
import { subjectName } from '../facts/subject-name.ts'
import type { FlowRecord } from '../flow/flow-record.ts'
import type { CompiledPolicy } from '../policy/compile.ts'
import { evaluate } from '../policy/evaluate.ts'
import type { Facts } from '../policy/facts.ts'
import type { Reason } from '../policy/reasons.ts'
import { type Outcome, outcomeOf } from './outcome.ts'

/** Flows of one user to one destination that changed alike. */
export type ChangedGroup = {
  readonly change: 'newly_allowed' | 'newly_denied'
  readonly user: string
  /** Of the decision that permits. */
  readonly application?: string
  readonly destination: string
  readonly was: Reason
  readonly becomes: Reason
  readonly flows: number
  /** Newest of them, Unix milliseconds. */
  readonly lastAtMs: number
}

export type ReplayReport = {
  readonly flows: number
  readonly unchanged: number
  readonly newlyAllowed: number
  readonly newlyDenied: number
  /** Flows whose stored facts lack what the proposed policy asks about, and flows that no policy decided on. */
  readonly notComparable: number
  readonly groups: readonly ChangedGroup[]
  /** Changed flows whose group found no room. */
  readonly moreFlows: number
}

const GROUP_LIMIT = 1000

/** Given after a permit: the policy had said yes. */
const AFTER_A_PERMIT: ReadonlySet<string> = new Set<Reason>([
  'name_not_found',
  'too_many_lookups',
  'target_unreachable',
  'target_timeout',
  'recording_unavailable',
  'gateway_draining',
  'too_many_flows',
  'policy_changed',
])

export type Comparison = 'unchanged' | 'newly_allowed' | 'newly_denied' | 'not_comparable'

export function createReplay(policy: CompiledPolicy) {
  const counts: Record<Comparison, number> = {
    unchanged: 0,
    newly_allowed: 0,
    newly_denied: 0,
    not_comparable: 0,
  }
  const groups = new Map<string, ChangedGroup>()
  let moreFlows = 0

  function note(record: FlowRecord, change: ChangedGroup['change'], again: Outcome): void {
    const key = keyOf(record, again)
    const known = groups.get(key)
    if (known !== undefined) groups.set(key, { ...known, flows: known.flows + 1 })
    else if (groups.size < GROUP_LIMIT) groups.set(key, groupOf(record, change, again))
    else moreFlows += 1
  }

  return {
    /** Takes one record; newest first. Never throws, whatever an older version stored. */
    take(record: FlowRecord): Comparison {
      const [comparison, again] = compare(record, policy)
      counts[comparison] += 1
      const isChange = comparison === 'newly_allowed' || comparison === 'newly_denied'
      if (isChange && again !== undefined) note(record, comparison, again)
      return comparison
    },
    report(): ReplayReport {
      return {
        flows: Object.values(counts).reduce((sum, one) => sum + one, 0),
        unchanged: counts.unchanged,
        newlyAllowed: counts.newly_allowed,
        newlyDenied: counts.newly_denied,
        notComparable: counts.not_comparable,
        groups: [...groups.values()].sort((a, b) => b.flows - a.flows),
        moreFlows,
      }
    },
  }
}

function compare(record: FlowRecord, policy: CompiledPolicy): [Comparison, Outcome?] {
  const was = verdictOf(record)
  if (was === undefined || !isWhole(record)) return ['not_comparable']
  const atSeconds = Math.floor((record.decidedAtMs ?? record.openedAtMs) / 1000)
  const decision = evaluate(policy, withTransport(record.facts), atSeconds)
  if (decision.kind === was) return ['unchanged']
  const lacks =
    decision.trace.some(({ outcome }) => outcome === 'attribute_missing') ||
    (decision.reason === 'session_expired' && record.facts.subject.login === undefined)
  if (lacks) return ['not_comparable']
  return [was === 'permit' ? 'newly_denied' : 'newly_allowed', outcomeOf(decision)]
}

/** What the policy of that time said; what stopped the flow later is not its verdict. */
function verdictOf({ verdict, reason, revision }: FlowRecord): 'permit' | 'denial' | undefined {
  if (revision === undefined || reason === undefined) return undefined
  return AFTER_A_PERMIT.has(reason) ? 'permit' : verdict
}

/** Once there was TCP only, and nobody said so. */
function withTransport(facts: Facts): Facts {
  const { transport = 'tcp' }: Partial<Facts['destination']> = facts.destination
  return { ...facts, destination: { ...facts.destination, transport } }
}

function isWhole({ facts }: FlowRecord): boolean {
  const { subject, destination }: Partial<FlowRecord['facts']> = facts ?? {}
  return typeof subject?.userId === 'string' && typeof destination?.host === 'string'
}

function keyOf({ facts: { subject, destination }, reason }: FlowRecord, again: Outcome): string {
  const to = printFlowEndpoint(destination)
  return JSON.stringify([subjectName(subject), to, reason, again.reason, again.application])
}

function groupOf(record: FlowRecord, change: ChangedGroup['change'], again: Outcome): ChangedGroup {
  const { subject, destination } = record.facts
  const application = change === 'newly_allowed' ? again.application : record.application
  return {
    change,
    user: subjectName(subject),
    ...(application !== undefined && { application }),
    destination: printFlowEndpoint(destination),
    was: record.reason ?? again.reason,
    becomes: again.reason,
    flows: 1,
    lastAtMs: record.openedAtMs,
  }
}
