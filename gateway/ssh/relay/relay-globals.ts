/** Global requests and their replies (RFC 4254 section 4), which come in the order of the requests. */
import type { AskedForwards } from './asked-forwards.ts'
import { type ForwardTarget, printForwardTarget } from './forward-target.ts'
import type { Grants } from './grants.ts'
import { type Request, readGlobalRequest, renameGlobalRequest } from './messages.ts'
import { type GlobalVerdict, judgeGlobalRequest } from './policy-verbs.ts'
import { breach, DROP, FORWARD, type RelayAction, send } from './relay-action.ts'
import { type RelayWatch, tellRefused, WHOLE_SESSION } from './relay-watch.ts'
import { otherSide, type Side } from './side.ts'

/** Requests of one side whose reply is due. */
const UNANSWERED_LIMIT = 4096

/** What a reply is about: the listener that was asked for, if one was. */
type Due = { readonly listener?: ForwardTarget }

export class GlobalRequests {
  readonly #grants: Grants
  readonly #asked: AskedForwards
  readonly #watch: RelayWatch
  /** Requests whose reply each side waits for. */
  readonly #due: Readonly<Record<Side, Due[]>> = { user: [], target: [] }

  constructor(grants: Grants, asked: AskedForwards, watch: RelayWatch) {
    this.#grants = grants
    this.#asked = asked
    this.#watch = watch
  }

  /** Takes GLOBAL_REQUEST. */
  request(from: Side, payload: Buffer): RelayAction {
    const request = readGlobalRequest(payload)
    if (request === undefined) return breach('malformed_message')
    const verdict = judgeGlobalRequest(from, request, this.#grants, this.#asked)
    if (request.wantReply) this.#due[from].push(dueOf(verdict))
    if (this.#due[from].length > UNANSWERED_LIMIT) return breach('too_many_unanswered')
    if (verdict.kind === 'refuse') return this.#refused(from, request, verdict)
    this.#passed(request, verdict)
    return FORWARD
  }

  /** Takes REQUEST_SUCCESS or REQUEST_FAILURE. */
  reply(from: Side, payload: Buffer, succeeded: boolean): RelayAction {
    const due = this.#due[otherSide(from)].shift()
    if (due === undefined) return DROP
    if (due.listener !== undefined && succeeded) {
      this.#asked.listens(due.listener, payload.subarray(1))
    }
    return FORWARD
  }

  #refused(
    from: Side,
    request: Request,
    { reason, target }: GlobalVerdict & { readonly kind: 'refuse' },
  ): RelayAction {
    // sshd announces its host keys unasked on every connection: no refusal worth a line.
    if (from === 'target' && !request.wantReply) return DROP
    const renamed = send(otherSide(from), renameGlobalRequest(request))
    if (from === 'target') return renamed
    tellRefused(this.#watch, { what: request.name, reason, target })
    return renamed
  }

  #passed(request: Request, verdict: GlobalVerdict & { readonly kind: 'pass' }): void {
    const { listens, cancels } = verdict
    if (cancels !== undefined) this.#asked.cancelled(cancels)
    if (listens === undefined) return
    const target = printForwardTarget(listens)
    // Without a reply nobody says whether it listens, nor where: it counts as asked for.
    if (!request.wantReply) this.#asked.listens(listens, Buffer.alloc(0))
    this.#watch.asking({ kind: 'forward', target: listens })
    this.#watch.event({
      type: 'forward_requested',
      channel: WHOLE_SESSION,
      kind: request.name,
      target,
    })
  }
}

function dueOf(verdict: GlobalVerdict): Due {
  return verdict.kind === 'pass' && verdict.listens !== undefined
    ? { listener: verdict.listens }
    : {}
}
