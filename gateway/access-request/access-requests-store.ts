/**
 * Requests for temporary access: stated, asked, decided, kept. What changes by them is told at once.
 */
import { randomUUID } from 'node:crypto'
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import type { AccessChange } from '../access-change.ts'
import type { CompiledPolicy } from '../policy/compile.ts'
import type { Grant } from '../policy/facts.ts'
import type { Store } from '../store/store.ts'
import {
  type AccessRequest,
  type ApprovalRefusal,
  approve,
  askApproval,
  deny,
  grantsOf,
  stateOf,
  statePurpose,
} from './access-request.ts'
import { approverTexts, findLine, isApprover } from './approvers.ts'

export type AccessRequestDeps = {
  readonly store: Pick<Store, 'accessRequests' | 'users' | 'foreignVersion'>
  readonly policy: () => CompiledPolicy
  readonly tell: (change: AccessChange) => unknown
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** Who asks, and for what. */
export type Asked = Pick<AccessRequest, 'userId' | 'deviceId' | 'application'> & {
  /** Name of the policy that denied; without it the first of the application that asks for this. */
  readonly policy?: string
}

export interface AccessRequests {
  /** What a user was given for a time. */
  grants(userId: string): readonly Grant[]
  /** The user has stated a purpose. Refused when no policy asks for one. @param purpose on one line. */
  justify(asked: Asked, purpose: string): Result<AccessRequest, 'not_asked_for'>
  /** Asks the approvers; an open request for the same is joined. */
  ask(
    asked: Asked,
    purpose: string,
  ): Result<
    { readonly requestId: string; readonly approvers: readonly string[] },
    'not_asked_for' | 'too_many_requests'
  >
  /** @param by address of the approver. */
  approve(id: string, by: string): Result<AccessRequest, ApprovalRefusal>
  deny(id: string, by: string): Result<AccessRequest, ApprovalRefusal>
}

/** Requests of one user that wait, at most. */
export const PENDING_LIMIT = 20
/** Longest purpose that is kept, characters. */
const PURPOSE_LIMIT = 500

export function openAccessRequests(deps: AccessRequestDeps): AccessRequests {
  const { store, policy, tell, log, now } = deps
  const known = new Map<string, readonly Grant[]>()
  let knownAt = store.foreignVersion()

  function keep(request: AccessRequest): AccessRequest {
    const { id, kind, userId, application, decidedBy } = request
    store.accessRequests.put(request)
    known.delete(userId)
    const state = stateOf(request, now())
    log.info({ requestId: id, kind, state, userId, application, decidedBy }, 'access request')
    tell({ kind: 'user', userId })
    return request
  }

  function open(asked: Asked, line: string, purpose: string) {
    const { userId, deviceId, application } = asked
    const text = purpose.slice(0, PURPOSE_LIMIT)
    return { id: randomUUID(), userId, deviceId, application, policy: line, purpose: text }
  }

  /** The request, and on which terms this approver may decide on it. */
  function admit(id: string, by: string) {
    const request = store.accessRequests.get(id)
    if (request === undefined || request.kind !== 'approval') return err('request_unknown' as const)
    const compiled = policy()
    const terms = findLine(compiled, request, 'approval')?.consent.approval
    const nowSeconds = now() / 1000
    const users = store.users.byEmail(by)
    const requester = store.users.get(request.userId)
    if (requester === undefined) return err('request_unknown' as const)
    if (requester.email === by) return err('own_request' as const)
    const isNamed =
      terms !== undefined &&
      users.some((user) => isApprover(compiled, terms.approvers, user, nowSeconds))
    return isNamed ? ok({ request, terms }) : err('not_an_approver' as const)
  }

  return {
    grants(userId) {
      const version = store.foreignVersion()
      if (version !== knownAt) known.clear()
      knownAt = version
      const grants = known.get(userId) ?? grantsOf(store.accessRequests.ofUser(userId), now())
      known.set(userId, grants)
      return grants
    },
    justify(asked, purpose) {
      const line = findLine(policy(), asked, 'justify')
      const terms = line?.consent.justify
      if (line === undefined || terms === undefined) return err('not_asked_for')
      return ok(keep(statePurpose(open(asked, line.name, purpose), terms.validForMs, now())))
    },
    ask(asked, purpose) {
      const line = findLine(policy(), asked, 'approval')
      const terms = line?.consent.approval
      if (line === undefined || terms === undefined) return err('not_asked_for')
      const approvers = approverTexts(terms.approvers)
      const pending = store.accessRequests
        .ofUser(asked.userId)
        .filter((one) => stateOf(one, now()) === 'pending')
      const same = pending.find(
        (one) => one.application === asked.application && one.policy === line.name,
      )
      if (same !== undefined) return ok({ requestId: same.id, approvers })
      if (pending.length >= PENDING_LIMIT) return err('too_many_requests')
      const { id } = keep(askApproval(open(asked, line.name, purpose), now()))
      return ok({ requestId: id, approvers })
    },
    approve(id, written) {
      const by = written.toLowerCase()
      const admitted = admit(id, by)
      if (!admitted.ok) return admitted
      const { request, terms } = admitted.value
      const approved = approve(request, by, terms, now())
      return approved.ok ? ok(keep(approved.value)) : approved
    },
    deny(id, written) {
      const by = written.toLowerCase()
      const admitted = admit(id, by)
      if (!admitted.ok) return admitted
      const denied = deny(admitted.value.request, by, now())
      return denied.ok ? ok(keep(denied.value)) : denied
    },
  }
}
