/**
 * SOCKS4 and SOCKS4a requests as bytes. Pure. There is no RFC: "SOCKS: A protocol for TCP proxy across firewalls"
 * (Ying-Da Lee, 1994) and its 4A extension, as OpenSSH, curl and nc speak them.
 *
 *     4 | command | port (2) | address (4) | user id … 0 | name … 0 (only when the address is 0.0.0.x, x ≠ 0)
 */
import { err, ok, type Result } from '#lib/result'
import type { Incomplete, SocksDestination } from './socks5-message.ts'
import { parseTargetHost } from './target.ts'

/** Why no request came out. `incomplete` is no failure: read more, then call again. */
export type Socks4RequestError =
  | Incomplete
  | { readonly reason: 'bad_version' }
  | { readonly reason: 'command_not_supported' }
  | { readonly reason: 'bad_host' }
  | { readonly reason: 'too_long' }

const HEADER_OCTETS = 8
const CONNECT = 1
/** The user id is an unproven claim that we skip; nobody's is longer than this. */
const USER_ID_LIMIT = 255
/** Longest DNS name in text form with a trailing dot (RFC 1035 section 3.1). */
const NAME_LIMIT = 254

const GRANTED = 0x5a
const REJECTED = 0x5b

/** Parses one request from the start of `input`, which is neither kept nor changed. Never throws. */
export function parseRequest(input: Uint8Array): Result<SocksDestination, Socks4RequestError> {
  const [version, command] = input
  if (version !== undefined && version !== 4) return err({ reason: 'bad_version' })
  if (command !== undefined && command !== CONNECT) return err({ reason: 'command_not_supported' })
  if (input.length < HEADER_OCTETS) return incomplete(HEADER_OCTETS + 1)
  const userEnd = endOfText(input, HEADER_OCTETS, USER_ID_LIMIT)
  if (!userEnd.ok) return userEnd
  const address = input.subarray(4, HEADER_OCTETS)
  if (!announcesName(address)) return request(input, address.join('.'), userEnd.value + 1)
  const nameStart = userEnd.value + 1
  const nameEnd = endOfText(input, nameStart, NAME_LIMIT)
  if (!nameEnd.ok) return nameEnd
  const name = Buffer.from(input.subarray(nameStart, nameEnd.value)).toString('latin1')
  return request(input, name, nameEnd.value + 1)
}

/** The eight octets of a reply: granted, or rejected; SOCKS4 has no finer reason for us. */
export function printReply(granted: boolean): Uint8Array {
  return Uint8Array.of(0, granted ? GRANTED : REJECTED, 0, 0, 0, 0, 0, 0)
}

function request(input: Uint8Array, text: string, size: number) {
  const host = parseTargetHost(text)
  const port = (input[2] ?? 0) * 256 + (input[3] ?? 0)
  if (!host.ok || port === 0) return err({ reason: 'bad_host' } as const)
  return ok({ host: host.value, port, size })
}

/** SOCKS4a: 0.0.0.x with x ≠ 0 is no address but says that a name follows. */
function announcesName([a, b, c, d]: Uint8Array): boolean {
  return a === 0 && b === 0 && c === 0 && d !== 0
}

function endOfText(input: Uint8Array, start: number, limit: number) {
  const end = input.indexOf(0, start)
  if ((end === -1 ? input.length : end) - start > limit) return err({ reason: 'too_long' } as const)
  return end === -1 ? incomplete(input.length + 1) : ok(end)
}

function incomplete(need: number) {
  return err<Incomplete>({ reason: 'incomplete', need })
}
