/**
 * SOCKS clients of the proxy port: reads messages, asks for the flow, answers, joins. The octets are in ./socks5-message.ts
 * and ./socks4-message.ts.
 */
import type { Socket } from 'node:net'
import type { FlowRefusal } from '#lib/tunnel/tunnel-connection'
import { watchGone } from './client-gone-server.ts'
import type { MessageReader } from './message-reader-server.ts'
import type { OpenFlow } from './open-flow.ts'
import { socks5CodeFor } from './refusal.ts'
import type { SocksUdp } from './socks-udp-server.ts'
import * as socks4 from './socks4-message.ts'
import * as socks5 from './socks5-message.ts'
import { splice } from './splice-os.ts'

export type SocksDeps = {
  readonly openFlow: OpenFlow
  /** Called once the request is complete: the deadline of the request no longer holds. */
  readonly onRequest: () => void
  readonly onRefused: (reason: string) => void
  /** Without it UDP ASSOCIATE is refused. */
  readonly udp?: SocksUdp | undefined
}

/** Reply octets (RFC 1928 section 6). */
const SUCCEEDED = 0
const FAILED = 1
const COMMAND_NOT_SUPPORTED = 7

/** Serves one SOCKS5 client (RFC 1928); resolves when the flow is joined or the client was refused. */
export async function serveSocks5(
  client: Socket,
  reader: MessageReader,
  deps: SocksDeps,
): Promise<void> {
  const greeting = await reader.read(socks5.parseGreeting)
  if (greeting === undefined) return
  if (!greeting.ok) return refuse(client, socks5.METHOD_REFUSED, greeting.error.reason, deps)
  client.write(socks5.METHOD_CHOSEN)
  const request = await reader.read(socks5.parseRequest)
  if (request === undefined) return
  if (!request.ok) {
    const reply = socks5.printReply(socks5.replyCodeForError(request.error))
    return refuse(client, reply, request.error.reason, deps)
  }
  reader.release()
  const asked = request.value
  if (asked.command === 'associate') return associate(client, asked.port, deps)
  await connect(client, asked, deps, {
    granted: socks5.printReply(SUCCEEDED),
    refused: (refusal) => socks5.printReply(socks5CodeFor(refusal)),
  })
}

async function associate(client: Socket, clientPort: number, deps: SocksDeps): Promise<void> {
  deps.onRequest()
  const { udp } = deps
  const begun = udp === undefined ? 'command_not_supported' : await udp.begin(client, clientPort)
  if (typeof begun === 'number') {
    client.write(socks5.printAssociated(begun))
    return
  }
  const isUnknown = begun === 'command_not_supported'
  refuse(client, socks5.printReply(isUnknown ? COMMAND_NOT_SUPPORTED : FAILED), begun, deps)
}

/** Serves one SOCKS4 or SOCKS4a client. */
export async function serveSocks4(
  client: Socket,
  reader: MessageReader,
  deps: SocksDeps,
): Promise<void> {
  const request = await reader.read(socks4.parseRequest)
  if (request === undefined) return
  const rejected = socks4.printReply(false)
  if (!request.ok) return refuse(client, rejected, request.error.reason, deps)
  reader.release()
  const granted = socks4.printReply(true)
  await connect(client, request.value, deps, { granted, refused: () => rejected })
}

type Replies = {
  readonly granted: Uint8Array
  readonly refused: (refusal: FlowRefusal) => Uint8Array
}

async function connect(
  client: Socket,
  target: { readonly host: string; readonly port: number },
  deps: SocksDeps,
  replies: Replies,
): Promise<void> {
  deps.onRequest()
  const { onGone, stop } = watchGone(client)
  const flow = await deps.openFlow({ host: target.host, port: target.port }, {}, onGone)
  stop()
  if (!flow.ok) return refuse(client, replies.refused(flow.error), flow.error.reason, deps)
  client.write(replies.granted)
  splice(client, flow.value)
}

function refuse(client: Socket, reply: Uint8Array, reason: string, deps: SocksDeps): void {
  deps.onRefused(reason)
  client.end(reply)
  // Reads to the end, so that what the client still sends does not turn the reply into a reset.
  client.resume()
}
