/** Reaches a target by ping, which the kernel sends and answers are matched by. */
import { isIPv6 } from 'node:net'
import type { Log } from '#lib/log'
import { equalAddresses, parseAddress } from '#lib/net/address'
import { connectUdp, sendUdp } from '#lib/net/udp-client'
import { err, ok } from '#lib/result'
import { capsuleStream, type DatagramSocket } from './capsule-stream-client.ts'
import { createEchoTranslation } from './echo-message.ts'
import type { FlowServerDeps } from './flow-deps.ts'
import { type IcmpSocket, openIcmpSocket } from './icmp-socket-os.ts'
import { createRateLimit } from './rate-limit.ts'

/** Requests of one flow: a program that waits for answers sends one a second, or five. */
const REQUESTS_PER_SECOND = 50
/** Ping has no port, and node:dgram wants one. */
const ANY_PORT = 1

/** A target that is not there shows itself in answers, if at all. */
export function createDialIcmp(log: Log): FlowServerDeps['dialIcmp'] {
  return async ({ address }, _timeoutMs, ended) => {
    const opened = openIcmpSocket(isIPv6(address) ? 6 : 4)
    if (!opened.ok) {
      log.warn(opened.error, 'the gateway cannot ping')
      return err({ reason: 'icmp_unavailable' })
    }
    const { socket } = opened.value
    if ((await connectUdp(address, ANY_PORT, socket)) === undefined) {
      return err({ reason: 'target_unreachable' })
    }
    const stream = capsuleStream(pingSocket(address, opened.value))
    if (!ended.hasEnded) return ok(stream)
    stream.destroy()
    return err({ reason: 'gave_up' })
  }
}

function pingSocket(address: string, { socket, takeErrors, close }: IcmpSocket): DatagramSocket {
  const { request, reply, error } = createEchoTranslation(isIPv6(address) ? 6 : 4)
  const mayPass = createRateLimit(REQUESTS_PER_SECOND)
  let take: (message: Buffer) => void = () => undefined
  const tell = (message: Buffer | undefined): void => {
    if (message !== undefined) take(message)
  }
  const tellErrors = (): void => {
    for (const one of takeErrors()) tell(error(one))
  }
  return {
    send(message) {
      const asked = request(message)
      return asked !== undefined && mayPass(performance.now()) && sendUdp(socket, asked, tellErrors)
    },
    onDatagram(taker) {
      take = taker
      // The kernel matches the identifier alone.
      socket.on('message', (message, from) => {
        if (isAt(from.address, address)) tell(reply(message))
      })
    },
    // What routers say of a request is an answer, and ends nothing.
    onError: () => void socket.on('error', tellErrors),
    close,
  }
}

function isAt(text: string, address: string): boolean {
  const [a, b] = [parseAddress(text), parseAddress(address)]
  return a.ok && b.ok && equalAddresses(a.value, b.value)
}
