/** Opens flows on one HTTP/2 session: CONNECT, or extended CONNECT for datagrams. */
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2'
import type { Duplex } from 'node:stream'
import { printAuthority } from '#lib/net/endpoint'
import { err, ok, type Result } from '#lib/result'
import { datagramsOn } from '#lib/tunnel/datagram-flow'
import { printDatagramPath, protocolOf } from '#lib/tunnel/datagram-path'
import type {
  DatagramTransport,
  FlowClaims,
  FlowRefusal,
  FlowTarget,
  OnGone,
  TunnelConnection,
} from '#lib/tunnel/tunnel-connection'
import { claimsHeader } from './flow-request.ts'
import { isUsable, type Life } from './http2-life-client.ts'
import { verdict } from './http2-request-client.ts'

/** What flows are opened on. */
export type FlowSession = {
  readonly session: ClientHttp2Session
  readonly life: Life
  /** How long a verdict may take, ms. */
  readonly verdictMs: number
}

export function openFlow(
  on: FlowSession,
  ...[target, claims, onGone]: Parameters<TunnelConnection['openFlow']>
): ReturnType<TunnelConnection['openFlow']> {
  return open(on, { ':authority': printAuthority(target) }, claims, onGone)
}

export async function openDatagrams(
  on: FlowSession,
  ...[transport, target, claims, onGone]: Parameters<TunnelConnection['openDatagrams']>
): ReturnType<TunnelConnection['openDatagrams']> {
  if (!offersProtocols(on.session)) return err(UNSUPPORTED)
  const opened = await open(on, datagramHeaders(transport, target), claims, onGone)
  if (!opened.ok) return opened.error.status === NOT_IMPLEMENTED ? err(UNSUPPORTED) : opened
  return ok(datagramsOn(opened.value, setImmediate))
}

function open(
  { session, life, verdictMs }: FlowSession,
  headers: OutgoingHttpHeaders,
  claims: FlowClaims,
  onGone?: OnGone,
): Promise<Result<Duplex, FlowRefusal>> {
  if (!isUsable(session, life)) return Promise.resolve(err(notConnected(life)))
  const limit = session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY
  if (life.openFlows >= limit) return Promise.resolve(err(TOO_MANY))
  const stream = session.request(
    { ':method': 'CONNECT', ...headers, ...claimsHeader(claims) },
    { endStream: false },
  )
  life.openFlows += 1
  stream.once('close', () => {
    life.openFlows -= 1
    if (session.destroyed) life.lostFlows += 1
  })
  return verdict(stream, verdictMs, onGone)
}

/** What a gateway answers to a protocol that it does not know. */
const NOT_IMPLEMENTED = 501
const UNSUPPORTED: FlowRefusal = {
  status: 503,
  reason: 'transport_unsupported',
  detail: 'This gateway is too old to carry it.',
}

/** Extended CONNECT (RFC 8441 section 3). A connection that is gone is no news: it says so itself. */
function offersProtocols(session: ClientHttp2Session): boolean {
  return session.destroyed || session.remoteSettings.enableConnectProtocol === true
}

/** RFC 9298 section 3.4; the gateway goes by the path alone. */
function datagramHeaders(transport: DatagramTransport, target: FlowTarget): OutgoingHttpHeaders {
  return {
    ':protocol': protocolOf(transport),
    ':scheme': 'https',
    ':authority': 'gateway',
    ':path': printDatagramPath(transport, target),
    'capsule-protocol': '?1',
  }
}

const TOO_MANY: FlowRefusal = { status: 503, reason: 'too_many_flows' }

function notConnected(life: Life): FlowRefusal {
  return { status: 503, reason: life.isDraining ? 'gateway_draining' : 'not_connected' }
}
