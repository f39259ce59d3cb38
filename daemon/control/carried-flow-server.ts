/** Connections of the control socket that become flows of a program in `zt run`. */
import type { Socket } from 'node:net'
import type { OpenFlowRequest } from '#lib/api/control-api'
import { encodeControlReply } from '#lib/api/control-codec'
import { parseAddress } from '#lib/net/address'
import type { Result } from '#lib/result'
import { capsuleStreamOn } from '#lib/tunnel/capsule-stream-os'
import { type DatagramFlow, datagramsOn } from '#lib/tunnel/datagram-flow'
import type { FlowRefusal, FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { DeviceNames } from '../device-names-client.ts'
import { watchGone } from '../listen/client-gone-server.ts'
import type { Openers } from '../listen/open-flow.ts'
import { localRefusal } from '../listen/refusal.ts'
import { splice } from '../listen/splice-os.ts'
import { parseTargetHost } from '../listen/target.ts'
import type { CarryFlow } from './control-server.ts'

export type CarryDeps = {
  readonly openers: Openers
  /** Through the tunnel or not at all. */
  readonly onlyPrivate: Openers
  readonly names: Pick<DeviceNames, 'targetOf'>
  /** Flows at once; default 4096. */
  readonly flowLimit?: number
  /** How long who was refused may stay; default 30 s. */
  readonly refusedMs?: number
}

const FLOW_LIMIT = 4096
const REFUSED_MS = 30_000
const TOO_MANY: FlowRefusal = { status: 503, reason: 'too_many_flows', detail: 'Close some.' }

/** Makes what takes such connections over. */
export function createCarry(deps: CarryDeps): CarryFlow {
  const { flowLimit = FLOW_LIMIT, refusedMs = REFUSED_MS } = deps
  let open = 0
  return (socket, request) => {
    const refuse = refuseOn(socket, refusedMs)
    if (open >= flowLimit) return refuse(TOO_MANY)
    open++
    socket.once('close', () => open--)
    const target = targetOf(request, deps)
    if (target === undefined) return refuse(localRefusal('target_unreachable'))
    const openers = request.onlyPrivate ? deps.onlyPrivate : deps.openers
    void carry({ socket, refuse }, target, request.transport, openers)
  }
}

/** An address that stands for a name is that name. */
function targetOf({ host, port }: OpenFlowRequest, { names }: CarryDeps): FlowTarget | undefined {
  const parsed = parseTargetHost(host)
  if (!parsed.ok) return undefined
  const address = parseAddress(parsed.value)
  return address.ok ? names.targetOf(address.value, port) : { host: parsed.value, port }
}

/** A connection that is to become a flow. */
type Caller = {
  readonly socket: Socket
  refuse(refusal: FlowRefusal): void
}

async function carry(
  caller: Caller,
  target: FlowTarget,
  transport: OpenFlowRequest['transport'],
  { openFlow, openDatagrams }: Openers,
): Promise<void> {
  const { socket } = caller
  if (transport === 'tcp') {
    const flow = await whileThere(socket, (onGone) => openFlow(target, {}, onGone))
    if (answer(caller, flow)) splice(capsuleStreamOn(socket), flow.value)
    return
  }
  const flow = await whileThere(socket, (onGone) => openDatagrams(transport, target, {}, onGone))
  if (answer(caller, flow)) join(datagramsOn(socket, setImmediate), flow.value)
}

/** Opens a flow; gives it up when nobody waits for it any more. */
async function whileThere<T>(
  socket: Socket,
  open: (onGone: ReturnType<typeof watchGone>['onGone']) => Promise<T>,
): Promise<T> {
  const { onGone, stop } = watchGone(socket)
  const opened = await open(onGone)
  stop()
  return opened
}

function answer<T>(
  { socket, refuse }: Caller,
  flow: Result<T, FlowRefusal>,
): flow is { readonly ok: true; readonly value: T } {
  if (!flow.ok) {
    refuse(flow.error)
    return false
  }
  socket.write(encodeControlReply({ type: 'result', value: { method: 'open' } }))
  return true
}

/** Who reads the refusal and stays takes a place from others. */
function refuseOn(socket: Socket, refusedMs: number): Caller['refuse'] {
  return (refusal) => {
    socket.end(encodeControlReply({ type: 'result', value: { method: 'open', refusal } }))
    socket.setTimeout(refusedMs, () => socket.destroy()).resume()
  }
}

function join(program: DatagramFlow, flow: DatagramFlow): void {
  program.onDatagram((payload) => flow.send(payload))
  flow.onDatagram((payload) => program.send(payload))
  void program.closed.then(() => flow.close())
  void flow.closed.then(() => program.close())
}
