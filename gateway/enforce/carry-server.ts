/** Joins an answered client and a dialled target under the limits of the permit. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Relay, type RelayResult, relay } from '#lib/tunnel/relay'
import type { Permit } from '../policy/decision.ts'
import type { LiveFlow } from './live-flow.ts'
import type { ServeSsh } from './ssh-service.ts'

/** A target that was reached under a permit; `address` is the one that was decided on. */
export type Reached = {
  readonly socket: Socket
  readonly permit: Permit
  readonly address: string
}

/** SSH is carried only where it is enforced as SSH: else it would pass unrecorded (RFC 4253 section 4.2). */
const NO_SSH = { opening: Buffer.from('SSH-'), reason: 'protocol_mismatch' }
/** An idle time-out is looked at this many times within its length. */
const IDLE_LOOKS = 8
const SHORTEST_LOOK_MS = 10

/** Relays octets until both ends are closed. */
export async function carryRelay(live: LiveFlow, client: Duplex, reached: Reached): Promise<void> {
  const { socket, permit } = reached
  const joined = relay(
    { stream: client, reset: live.reset },
    { stream: socket, reset: () => socket.resetAndDestroy() },
    NO_SSH,
  )
  live.onCut = joined.cut
  const stopWatching = watchIdle(joined, permit.idleTimeoutMs)
  const result = await joined.done
  stopWatching()
  live.end({
    closeReason: closeReasonOf(result),
    sentBytes: result.fromA,
    receivedBytes: result.fromB,
  })
}

/** Hands the flow to SSH inspection. */
export async function carrySsh(
  live: LiveFlow,
  client: Duplex,
  reached: Reached,
  { serveSsh }: { readonly serveSsh: ServeSsh },
): Promise<void> {
  const { socket, permit, address } = reached
  let cutReason: string | undefined
  live.onCut = (reason) => {
    cutReason = reason
    live.reset()
    socket.resetAndDestroy()
  }
  const { id: flowId, facts, noteSession: onSession } = live
  const end = await serveSsh({
    flowId,
    client,
    target: socket,
    facts,
    permit,
    dialled: address,
    onSession,
  })
  live.end({
    closeReason: cutReason ?? end.closeReason,
    ...(end.fromClient === undefined ? {} : { sentBytes: end.fromClient }),
    ...(end.fromTarget === undefined ? {} : { receivedBytes: end.fromTarget }),
  })
}

function closeReasonOf({ reason }: RelayResult): string {
  if (reason === 'reset_by_a') return 'reset_by_device'
  return reason === 'reset_by_b' ? 'reset_by_target' : reason
}

/** Cuts a relay that carried nothing for the given time. @returns what ends the watch. */
function watchIdle(joined: Relay, idleTimeoutMs: number | undefined): () => void {
  if (idleTimeoutMs === undefined) return () => undefined
  let carried = -1
  let quietLooks = 0
  const lookMs = Math.max(idleTimeoutMs / IDLE_LOOKS, SHORTEST_LOOK_MS)
  const timer = setInterval(() => {
    const now = joined.fromA + joined.fromB
    quietLooks = now === carried ? quietLooks + 1 : 0
    carried = now
    if (quietLooks * lookMs >= idleTimeoutMs) joined.cut('idle_timeout')
  }, lookMs)
  return () => clearInterval(timer)
}
