/** Hands a flow to SSH inspection: with its target, or while its user is still being asked to log in. */
import type { Duplex } from 'node:stream'
import { resetSocket } from '#lib/net/reset-socket-os'
import { err, ok, type Result } from '#lib/result'
import { bannerLine } from '../prompt/prompt-notice.ts'
import type { Reached } from './carry-server.ts'
import type { LiveFlow } from './live-flow.ts'
import type { Missed } from './missed.ts'
import type { ServeSsh, SshFlow, SshTarget, TargetStream } from './ssh-service.ts'

export type CarrySsh = Pick<SshFlow, 'dialled' | 'hop' | 'parent'> & { readonly serveSsh: ServeSsh }

/** @param reach gives the target that was reached, or begins to reach one. */
export async function carrySsh(
  live: LiveFlow,
  client: Duplex,
  reach: () => Promise<Result<Reached, Missed>>,
  { serveSsh, dialled, hop, parent }: CarrySsh,
): Promise<void> {
  let cutReason: string | undefined
  let socket: TargetStream | undefined
  let missed: Missed | undefined
  live.onCut = (reason) => {
    cutReason = reason
    live.reset()
    if (socket !== undefined) resetSocket(socket)
  }
  const end = await serveSsh({
    flowId: live.id,
    client,
    facts: live.facts,
    ...(dialled !== undefined && { dialled }),
    ...(parent !== undefined && { parent }),
    hop,
    async reach(onAsked) {
      live.onAsked = (prompt) => onAsked(bannerLine(prompt))
      const target = targetOf(await reach())
      if (target.ok) socket = target.value.socket
      else missed = noteMissed(live, target.error)
      return target
    },
    onSession: live.noteSession,
    tell: live.tell,
    cutReason: () => cutReason,
  })
  live.end({
    closeReason: cutReason ?? (missed === 'gone' ? 'given_up' : end.closeReason),
    ...(end.fromClient === undefined ? {} : { sentBytes: end.fromClient }),
    ...(end.fromTarget === undefined ? {} : { receivedBytes: end.fromTarget }),
  })
}

/** A policy may have changed while the user logged in: a client that speaks SSH by now cannot be relayed any more. */
function targetOf(reached: Result<Reached, Missed>): Result<SshTarget, Missed> {
  if (!reached.ok) return reached
  const { socket, permit } = reached.value
  const { enforcement } = permit
  if (enforcement.kind === 'ssh') return ok({ socket, permit, limits: enforcement.ssh })
  socket.destroy()
  return err('policy_changed')
}

/** The client is told by whoever speaks SSH with it. */
function noteMissed(live: LiveFlow, missed: Missed): Missed {
  if (missed !== 'gone') live.missed(missed)
  return missed
}
