/**
 * Asks the gateway's listeners what the doctor wants to know: small, bounded, nothing secret sent, no redirect followed.
 */
import { type IncomingMessage, request as requestPlain } from 'node:http'
import { type Agent, request } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { ENROL_PATHS } from '#lib/api/enrol-api'
import { connectReason } from '../tunnel/connect-reason.ts'
import type { DialTcp, TcpEndpoint } from '../tunnel/tunnel.ts'
import {
  type GatewayAnswers,
  isSameCertificate,
  type LoginAnswer,
  type PlainAnswer,
  redirectHostOf,
  type TunnelAnswer,
} from './gateway-answers.ts'
import { findMtu } from './mtu-os.ts'

/** What this device knows of its gateway; nothing secret. */
export type GatewayToAsk = {
  readonly loginUrl: string
  readonly tunnel: TcpEndpoint
  /** The pinned CA of the tunnel listener, PEM. */
  readonly gatewayCa: string
  /** CA of the login origin where no public CA vouches for it, PEM. */
  readonly loginCa?: string | undefined
  /** The proxy in between, without user and password. */
  readonly upstream?: string | undefined
}

export type AskGatewayDeps = { readonly dial: DialTcp; readonly agent: Agent }

const ANSWER_MS = 5_000
const BODY_LIMIT_BYTES = 16 * 1024
/** Three packets of Ethernet's size, and within the octets of headers that every server takes. */
const PADDING_OCTETS = 4_500
const HTTP_PORT = 80

/** Looks once. Never rejects. */
export async function askGateway(
  gateway: GatewayToAsk,
  deps: AskGatewayDeps,
): Promise<GatewayAnswers> {
  const [shaken, login] = await Promise.all([
    shakeHands(gateway, deps.dial),
    askLogin(gateway, deps.agent),
  ])
  const { answer: tunnel, peer } = shaken
  const isOurs = login.kind === 'answered' && login.isKnown
  const large = isOurs ? await askLarge(gateway, deps.agent) : undefined
  // Portals sit on the direct way only.
  const asksPlain = !isOurs && gateway.upstream === undefined
  const plain = asksPlain ? await askPlain(new URL(gateway.loginUrl).hostname) : undefined
  const mtu = peer === undefined ? undefined : await findMtu(peer)
  return {
    tunnel,
    login,
    ...(gateway.upstream !== undefined && { upstream: gateway.upstream }),
    ...(large && { large }),
    ...(plain && { plain }),
    ...(mtu && { mtu }),
  }
}

/** A handshake without our certificate: the listener's own is what is looked at. */
async function shakeHands(
  { tunnel, gatewayCa }: GatewayToAsk,
  dial: DialTcp,
): Promise<{ readonly answer: TunnelAnswer; readonly peer?: string }> {
  const limit = AbortSignal.timeout(ANSWER_MS)
  let raw: Duplex | undefined
  try {
    raw = await dial(tunnel, limit)
    const { remoteAddress: peer } = raw as Partial<Socket>
    const answer = await secured(raw, tunnel.host, gatewayCa, limit)
    return { answer, ...(peer !== undefined && { peer }) }
  } catch (error) {
    const reason = limit.aborted ? 'connect_timeout' : connectReason(error)
    return { answer: { kind: 'failed', reason } }
  } finally {
    raw?.destroy()
  }
}

function secured(raw: Duplex, host: string, ca: string, limit: AbortSignal): Promise<TunnelAnswer> {
  return new Promise((resolve) => {
    const name = isIP(host) === 0 ? { servername: host } : {}
    const socket: TLSSocket = connectTls({
      ...{ socket: raw, host, ca, minVersion: 'TLSv1.3', ALPNProtocols: ['h2'] },
      ...name,
    })
    const failed = (reason: string): void => resolve({ kind: 'failed', reason })
    limit.addEventListener('abort', () => failed('handshake_timeout'), { once: true })
    socket.once('secureConnect', () => resolve({ kind: 'trusted' }))
    socket.on('error', (error) => failed(connectReason(error)))
    socket.once('close', () => failed('connection_lost'))
  })
}

type Headers = Readonly<Record<string, string>>

/**
 * The origin's answer, whoever vouches for it: what a stranger says is a finding, too, and none of it is trusted.
 */
function askLogin(
  gateway: GatewayToAsk,
  agent: Agent,
  headers: Headers = {},
): Promise<LoginAnswer> {
  const sentAtMs = Date.now()
  return new Promise((resolve) => {
    const asked = request(new URL(ENROL_PATHS.gatewayCa, gateway.loginUrl), {
      ...{ agent, headers, signal: AbortSignal.timeout(ANSWER_MS), rejectUnauthorized: false },
      ...(gateway.loginCa === undefined ? {} : { ca: gateway.loginCa }),
    })
    asked.on('error', (error) => resolve({ kind: 'failed', reason: connectReason(error) }))
    asked.on('response', (response) => {
      const heardAtMs = Date.now()
      readBody(response)
        .then((body) => resolve(answerOf(response, body, gateway, { sentAtMs, heardAtMs })))
        .catch((error: unknown) => resolve({ kind: 'failed', reason: connectReason(error) }))
    })
    asked.end()
  })
}

function answerOf(
  response: IncomingMessage,
  body: string,
  { gatewayCa, loginUrl }: GatewayToAsk,
  times: { readonly sentAtMs: number; readonly heardAtMs: number },
): LoginAnswer {
  const { authorized, authorizationError } = response.socket as TLSSocket
  const { date, location } = response.headers
  const dateMs = Date.parse(date ?? '')
  const redirectHost = strangeHost(location, new URL(loginUrl).host)
  return {
    kind: 'answered',
    status: response.statusCode ?? 0,
    isKnown: authorized && isSameCertificate(body, gatewayCa),
    ...(!authorized && { untrusted: String(authorizationError) }),
    ...(redirectHost !== undefined && { redirectHost }),
    ...(!Number.isNaN(dateMs) && { clock: { dateMs, ...times } }),
  }
}

function strangeHost(location: string | undefined, own: string): string | undefined {
  const host = redirectHostOf(location)
  return host === own ? undefined : host
}

/** @throws {Error} when it breaks off, or is too long. */
async function readBody(response: IncomingMessage): Promise<string> {
  let body = ''
  response.setEncoding('utf8')
  for await (const text of response) {
    body += text
    if (body.length > BODY_LIMIT_BYTES) throw new Error('the answer is too large')
  }
  return body
}

async function askLarge(gateway: GatewayToAsk, agent: Agent): Promise<'answered' | 'silent'> {
  const answer = await askLogin(gateway, agent, { 'x-padding': 'x'.repeat(PADDING_OCTETS) })
  return answer.kind === 'answered' ? 'answered' : 'silent'
}

/** What answers plain HTTP in the gateway's name; undefined for nothing, and for what a web server without such a page says. */
function askPlain(hostname: string): Promise<PlainAnswer | undefined> {
  return new Promise((resolve) => {
    const asked = requestPlain({
      ...{ host: hostname.replace(/^\[|\]$/g, ''), port: HTTP_PORT, path: ENROL_PATHS.gatewayCa },
      ...{ agent: false, signal: AbortSignal.timeout(ANSWER_MS) },
    })
    asked.on('error', () => resolve(undefined))
    asked.on('response', (response) => {
      response.destroy()
      const { statusCode: status = 0, headers } = response
      const redirectHost = strangeHost(headers.location, hostname)
      const isPortal =
        redirectHost !== undefined || status === 511 || (status >= 200 && status < 300)
      resolve(
        isPortal ? { status, ...(redirectHost !== undefined && { redirectHost }) } : undefined,
      )
    })
    asked.end()
  })
}
