/** Reaches a target over UDP: a connected socket, so that the kernel drops what others send. */
import { connectUdp, sendUdp } from '#lib/net/udp-client'
import { err, ok } from '#lib/result'
import { capsuleStream } from './capsule-stream-client.ts'
import type { Dial } from './dial-client.ts'
import type { TargetStream } from './ssh-service.ts'

/** A target that is not there shows itself only when something is sent. */
export const dialUdp: Dial<TargetStream> = async ({ address, port }, _timeoutMs, ended) => {
  const socket = await connectUdp(address, port)
  if (socket === undefined) return err({ reason: 'target_unreachable' })
  const stream = capsuleStream({
    send: (payload) => sendUdp(socket, payload),
    onDatagram: (take) => void socket.on('message', take),
    onError: (end) => void socket.on('error', end),
    close: () => socket.close(),
  })
  if (!ended.hasEnded) return ok(stream)
  stream.destroy()
  return err({ reason: 'gave_up' })
}
