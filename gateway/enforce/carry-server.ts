/** Joins an answered client and a dialled target under the limits of the permit. */
import type { Duplex } from 'node:stream'
import { resetSocket } from '#lib/net/reset-socket-os'
import { collectBulk } from '#lib/tunnel/bulk-buffers-os'
import { type RelayResult, relay } from '#lib/tunnel/relay'
import { isOfDatagrams, withProtocol } from '../facts/gather.ts'
import type { Permit } from '../policy/decision.ts'
import { MalformedDatagrams } from './capsule-stream-client.ts'
import { type Decider, decideAll } from './decider.ts'
import { protocolOf } from './first-octets.ts'
import { watchIdle } from './idle-watch-job.ts'
import type { LiveFlow } from './live-flow.ts'
import type { TargetStream } from './ssh-service.ts'

/** A target that was reached under a permit; `address` is the one that was decided on. */
export type Reached = {
  readonly socket: TargetStream
  readonly permit: Permit
  readonly address: string
}

/**
 * Datagrams have no end; without an idle time-out of the permit this one ends them. RFC 4787 section 4.3: two minutes or
 * more; RFC 5508 section 3.2: one minute or more.
 */
const IDLE_MS = { tcp: undefined, udp: 120_000, icmp: 60_000 }

/** Relays octets, or capsules with datagrams, until both ends are closed. */
export async function carryRelay(
  live: LiveFlow,
  client: Duplex,
  { socket, permit }: Reached,
  { decider }: { readonly decider: Decider },
): Promise<void> {
  const isDatagrams = isOfDatagrams(live.facts)
  const joined = relay(
    { stream: client, reset: live.reset },
    { stream: socket, reset: () => resetSocket(socket) },
    {
      // A capsule begins with its type, and says nothing of a protocol.
      ...(!isDatagrams && {
        openingOfA: (opening: Uint8Array) => objection(opening, live, decider),
        openingOfB: sshObjection,
      }),
      later: setImmediate,
      onBulk: collectBulk,
    },
  )
  live.onCut = joined.cut
  const passed = () => joined.fromA + joined.fromB
  const idleMs = permit.idleTimeoutMs ?? IDLE_MS[live.facts.destination.transport]
  const stopWatching = watchIdle(passed, idleMs, () => joined.cut('idle_timeout'))
  const result = await joined.done
  stopWatching()
  live.end({
    closeReason:
      socket.errored instanceof MalformedDatagrams ? 'bad_datagrams' : closeReasonOf(result),
    sentBytes: result.fromA,
    receivedBytes: result.fromB,
    ...(socket.droppedDatagrams !== undefined && { droppedDatagrams: socket.droppedDatagrams }),
  })
}

/** SSH is carried only where it is enforced as SSH: else it would pass unrecorded. */
function sshObjection(opening: Uint8Array): string | undefined {
  return protocolOf(opening) === 'ssh' ? 'protocol_mismatch' : undefined
}

/** What the client's first octets show is a new fact: the flow is decided once more with it. */
function objection(opening: Uint8Array, live: LiveFlow, decider: Decider): string | undefined {
  const protocol = protocolOf(opening)
  if (protocol === 'unknown' || protocol === live.facts.protocol) return sshObjection(opening)
  live.facts = withProtocol(live.facts, protocol)
  const decision = decideAll(decider, live.facts)
  return decision.kind === 'denial' ? decision.reason : sshObjection(opening)
}

function closeReasonOf({ reason }: RelayResult): string {
  if (reason === 'reset_by_a') return 'reset_by_device'
  return reason === 'reset_by_b' ? 'reset_by_target' : reason
}
