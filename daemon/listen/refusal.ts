/**
 * Refusals of the daemon and of the gateway in the client's own language: a SOCKS reply code, an HTTP status with
 * a page that names the reason and what to do. Pure.
 */

import { printAuthority } from '#lib/net/endpoint'
import type { FlowRefusal, FlowTarget } from '#lib/tunnel/tunnel-connection'
import { printProxyStatus } from '#lib/wire/proxy-status'

/** Reasons that the daemon itself gives; everything else comes from the gateway. Never renamed. */
export type LocalReason =
  | 'gateway_unreachable'
  | 'not_enrolled'
  | 'down'
  | 'device_revoked'
  | 'certificate_expired'
  | 'others_refused'
  | 'own_port'
  | 'bad_destination'
  | 'name_not_found'
  | 'target_unreachable'
  | 'connection_refused'
  | 'target_timeout'
  | 'bad_request'
  | 'not_found'
  | 'wrong_host'
  | 'request_timeout'
  | 'too_large'

const LOCAL: Readonly<Record<LocalReason, readonly [status: number, sentence: string]>> = {
  gateway_unreachable: [
    503,
    'The gateway cannot be reached, and this destination is only reached through it. See "zt status".',
  ],
  not_enrolled: [403, 'This device is not enrolled. Run "zt enroll URL".'],
  down: [503, 'The tunnel is switched off. Run "zt up".'],
  device_revoked: [
    403,
    'This device was revoked. Ask your administrator, then run "zt logout" and "zt enroll URL".',
  ],
  certificate_expired: [403, 'The device certificate has expired. Run "zt login".'],
  others_refused: [
    403,
    'This destination is not behind the gateway, and others are refused by setting.',
  ],
  own_port: [403, 'The destination is this proxy itself.'],
  bad_destination: [400, 'The destination is not a valid host and port.'],
  name_not_found: [502, 'The name cannot be resolved.'],
  target_unreachable: [502, 'The destination is unreachable.'],
  connection_refused: [502, 'The destination refused the connection.'],
  target_timeout: [504, 'The destination did not answer in time.'],
  bad_request: [400, 'The request is not valid HTTP for a proxy.'],
  not_found: [404, 'This port serves programs as a proxy; the only page here is /proxy.pac.'],
  wrong_host: [421, 'The Host header names another server.'],
  request_timeout: [408, 'The request did not arrive in time.'],
  too_large: [431, 'The header of the request is too long.'],
}

/** Reply octets of RFC 1928 section 6. */
const SOCKS5_CODE: Readonly<Record<string, number>> = {
  name_not_found: 4,
  target_unreachable: 4,
  connection_refused: 5,
  target_timeout: 6,
  gateway_unreachable: 3,
  not_connected: 3,
  down: 3,
}
const SOCKS5_FAILURE = 1
const SOCKS5_NOT_ALLOWED = 2

/** A refusal by the daemon. */
export function localRefusal(reason: LocalReason): FlowRefusal {
  const [status, detail] = LOCAL[reason]
  return { status, reason, detail }
}

/** Reply octet for a flow that did not come about (RFC 1928 section 6). */
export function socks5CodeFor({ status, reason }: FlowRefusal): number {
  const named = SOCKS5_CODE[reason]
  if (named !== undefined) return named
  return status === 403 || status === 407 ? SOCKS5_NOT_ALLOWED : SOCKS5_FAILURE
}

/** An answer as node:http and a raw socket both take it. */
export type RefusalAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * The page for a refused request. A 407 of the gateway becomes 403: programs would ask for a proxy password.
 * @param target the destination, when one was understood.
 */
export function refusalAnswer(
  refusal: FlowRefusal,
  target: FlowTarget | undefined,
  wantsHtml: boolean,
): RefusalAnswer {
  const lines = [
    `zt: ${refusal.detail ?? 'The gateway refused this flow.'}`,
    `reason: ${refusal.reason}`,
    ...(target === undefined
      ? []
      : [`destination: ${printAuthority(target)}`, explainHint(target)]),
  ]
  const body = wantsHtml ? htmlPage(lines) : `${lines.join('\n')}\n`
  return {
    status: refusal.status === 407 ? 403 : refusal.status,
    headers: {
      'content-type': wantsHtml ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
      'proxy-status': proxyStatus(refusal),
    },
    body,
  }
}

/** Prints an answer with its head (RFC 9112 section 4), for a socket that node:http has let go of. */
export function printAnswer({ status, headers, body }: RefusalAnswer): string {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} Refused\r\n${fields.join('')}connection: close\r\n\r\n${body}`
}

function explainHint({ host, port }: FlowTarget): string {
  return `more: zt explain ${host} ${port}`
}

function proxyStatus({ reason, detail }: FlowRefusal): string {
  // A reason came from the wire; only what is a token may go into a header.
  const token = /^[a-z][a-z0-9_]{0,63}$/.test(reason) ? reason : 'unknown'
  const ascii = detail?.replace(/[^\x20-\x7e]/g, '?')
  return printProxyStatus({
    proxy: 'zt-daemon',
    reason: token,
    ...(ascii === undefined ? {} : { details: ascii }),
  })
}

function htmlPage(lines: readonly string[]): string {
  const paragraphs = lines.map((line) => `<p>${escapeHtml(line)}</p>`).join('')
  return `<!doctype html><html lang="en"><title>Refused</title><body>${paragraphs}</body></html>\n`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
