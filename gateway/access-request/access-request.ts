/**
 * A request for temporary access: a purpose that its user states, or an approval that others give. Bound to user,
 * application and policy.
 *
 *   purpose:   stated ──► approved ──► expired
 *   approval:  asked ──► pending ──► approved (enough approvers) ──► expired
 *                           ├──────► denied (one is enough)
 *                           └──────► expired
 */
import { err, ok, type Result } from '#lib/result'
import type { Grant } from '../policy/facts.ts'

/** One approver's consent. */
export type Approval = { readonly by: string; readonly atMs: number }

/** As it is stored; times are Unix milliseconds. */
export type AccessRequest = {
  readonly id: string
  readonly kind: Grant['kind']
  readonly userId: string
  readonly deviceId: string
  readonly application: string
  /** The policy that asks for it. */
  readonly policy: string
  /** As the user stated it. */
  readonly purpose: string
  readonly state: 'pending' | 'approved' | 'denied'
  readonly requestedAtMs: number
  /** Nobody can decide on it from then on. */
  readonly expiresAtMs: number
  readonly approvals: readonly Approval[]
  /** Addresses of who decided. */
  readonly decidedBy?: string
  readonly decidedAtMs?: number
  /** Until when it counts. */
  readonly untilMs?: number
}

export type AccessRequestState = AccessRequest['state'] | 'expired'

/** Why somebody cannot decide on a request. */
export type ApprovalRefusal =
  | 'request_unknown'
  | 'request_not_pending'
  | 'own_request'
  | 'not_an_approver'
  | 'approved_already'

/** How long a request waits for approvers, ms. */
export const PENDING_MS = 86_400_000

type Asked = Pick<
  AccessRequest,
  'id' | 'userId' | 'deviceId' | 'application' | 'policy' | 'purpose'
>

/** A purpose counts at once: it is recorded, not judged. */
export function statePurpose(asked: Asked, validForMs: number, nowMs: number): AccessRequest {
  return {
    ...asked,
    kind: 'purpose',
    state: 'approved',
    requestedAtMs: nowMs,
    expiresAtMs: nowMs,
    approvals: [],
    decidedAtMs: nowMs,
    untilMs: nowMs + validForMs,
  }
}

/** A request that others decide on. */
export function askApproval(asked: Asked, nowMs: number): AccessRequest {
  return {
    ...asked,
    kind: 'approval',
    state: 'pending',
    requestedAtMs: nowMs,
    expiresAtMs: nowMs + PENDING_MS,
    approvals: [],
  }
}

export function stateOf(request: AccessRequest, nowMs: number): AccessRequestState {
  const { state, expiresAtMs, untilMs } = request
  if (state === 'pending' && expiresAtMs <= nowMs) return 'expired'
  return untilMs !== undefined && untilMs <= nowMs ? 'expired' : state
}

/** Takes in an approver's consent; with the last one that is needed, access begins. */
export function approve(
  request: AccessRequest,
  by: string,
  { needed, validForMs }: { readonly needed: number; readonly validForMs: number },
  nowMs: number,
): Result<AccessRequest, ApprovalRefusal> {
  if (stateOf(request, nowMs) !== 'pending') return err('request_not_pending')
  if (request.approvals.some((one) => one.by === by)) return err('approved_already')
  const approvals = [...request.approvals, { by, atMs: nowMs }]
  if (approvals.length < needed) return ok({ ...request, approvals })
  const decidedBy = approvals.map((one) => one.by).join(', ')
  const untilMs = nowMs + validForMs
  return ok({ ...request, approvals, state: 'approved', decidedBy, decidedAtMs: nowMs, untilMs })
}

/** Ends a request without access. */
export function deny(
  request: AccessRequest,
  by: string,
  nowMs: number,
): Result<AccessRequest, ApprovalRefusal> {
  if (stateOf(request, nowMs) !== 'pending') return err('request_not_pending')
  return ok({ ...request, state: 'denied', decidedBy: by, decidedAtMs: nowMs })
}

/** What the requests of a user give now, for decisions. */
export function grantsOf(requests: readonly AccessRequest[], nowMs: number): readonly Grant[] {
  return requests.flatMap((request) => {
    const { kind, application, policy, purpose, decidedBy, decidedAtMs, untilMs } = request
    if (stateOf(request, nowMs) !== 'approved') return []
    if (decidedAtMs === undefined || untilMs === undefined) return []
    const approver = decidedBy !== undefined && { approver: decidedBy }
    return [
      { kind, application, policy, text: purpose, ...approver, grantedAtMs: decidedAtMs, untilMs },
    ]
  })
}
