/**
 * SOCKS5 messages as bytes (RFC 1928). Pure: no socket, no clock, no policy.
 * CONNECT and UDP ASSOCIATE without authentication: who may connect is decided before the first byte is read.
 */
import { err, ok, type Result } from '#lib/result'
import { parseTargetHost } from './target.ts'

/** Where a request or a datagram wants to go, as the client stated it; nothing here has been resolved or allowed. */
export type SocksDestination = {
  /** Host name or IP literal, canonical. Names are not looked up here: policy decides on the name. */
  readonly host: string
  /** TCP port, 1-65535. */
  readonly port: number
  /** Octets of the input that this took. */
  readonly size: number
}

/** A request. Of an association only the port counts, from which the client says it will send; 0 is any. */
export type SocksRequest =
  | ({ readonly command: 'connect' } & SocksDestination)
  | { readonly command: 'associate'; readonly port: number; readonly size: number }

/** `need` is the least length at which it pays to call again. */
export type Incomplete = { readonly reason: 'incomplete'; readonly need: number }

/** Why no request came out. `incomplete` is no failure: read more, then call again. */
export type SocksRequestError =
  | Incomplete
  | { readonly reason: 'bad_version' }
  | { readonly reason: 'command_not_supported' }
  | { readonly reason: 'address_type_not_supported' }
  | { readonly reason: 'bad_host' }

export type GreetingError =
  | Incomplete
  | { readonly reason: 'bad_version' }
  | { readonly reason: 'no_acceptable_method' }

/** Version, command, reserved, address type (section 4). */
const HEADER_OCTETS = 4
const PORT_OCTETS = 2
const NO_AUTHENTICATION = 0
const CONNECT = 1
const UDP_ASSOCIATE = 3
const IPV4 = 1
const NAME = 3
const IPV6 = 4

/** Chooses "no authentication required" (section 3). */
export const METHOD_CHOSEN = Uint8Array.of(5, NO_AUTHENTICATION)
/** No method of the client's is acceptable (section 3). */
export const METHOD_REFUSED = Uint8Array.of(5, 0xff)

/** Parses the method selection (section 3). Never throws. */
export function parseGreeting(input: Uint8Array): Result<{ readonly size: number }, GreetingError> {
  const [version, count] = input
  if (version !== undefined && version !== 5) return err({ reason: 'bad_version' })
  if (count === undefined) return incomplete(2)
  const size = 2 + count
  if (input.length < size) return incomplete(size)
  const offered = input.subarray(2, size).includes(NO_AUTHENTICATION)
  return offered ? ok({ size }) : err({ reason: 'no_acceptable_method' })
}

/**
 * Parses one request from the start of `input`, which is neither kept nor changed.
 * @returns the request, or the reason there is none. Never throws, for any input.
 * @see RFC 1928, sections 4 (requests) and 5 (addressing)
 */
export function parseRequest(input: Uint8Array): Result<SocksRequest, SocksRequestError> {
  const [version, command, , type] = input
  if (version !== undefined && version !== 5) return err({ reason: 'bad_version' })
  if (command === undefined || type === undefined) return incomplete(HEADER_OCTETS + 1)
  if (command === UDP_ASSOCIATE) return parseAssociate(type, input)
  if (command !== CONNECT) return err({ reason: 'command_not_supported' })
  const found = parseDestination(input)
  return found.ok ? ok({ command: 'connect', ...found.value }) : found
}

/** The client's address is not looked at: datagrams come from where the connection does. */
function parseAssociate(type: number, input: Uint8Array): Result<SocksRequest, DestinationError> {
  const span = addressSpan(type, input)
  if (!span.ok) return span
  const size = span.value.end + PORT_OCTETS
  if (input.length < size) return incomplete(size)
  return ok({ command: 'associate', port: portAt(input, span.value.end), size })
}

/** Why a message leads nowhere. */
export type DestinationError = Extract<
  SocksRequestError,
  { readonly reason: 'incomplete' | 'address_type_not_supported' | 'bad_host' }
>

/** Reads address type, address and port (section 5) behind three octets, as requests and datagrams have them. Never throws. */
export function parseDestination(input: Uint8Array): Result<SocksDestination, DestinationError> {
  const type = input[HEADER_OCTETS - 1]
  if (type === undefined) return incomplete(HEADER_OCTETS + 1)
  const span = addressSpan(type, input)
  if (!span.ok) return span
  const { start, end } = span.value
  const size = end + PORT_OCTETS
  if (input.length < size) return incomplete(size)
  const host = parseTargetHost(addressText(type, input.subarray(start, end)))
  const port = portAt(input, end)
  if (!host.ok || port === 0) return err({ reason: 'bad_host' })
  return ok({ host: host.value, port, size })
}

function portAt(input: Uint8Array, at: number): number {
  return (input[at] ?? 0) * 256 + (input[at + 1] ?? 0)
}

/** The reply to an association: its datagrams go to this port of 127.0.0.1 (section 6). */
export function printAssociated(port: number): Uint8Array {
  return Uint8Array.of(5, 0, 0, IPV4, 127, 0, 0, 1, port >> 8, port & 0xff)
}

/** A reply (section 6) with an unspecified bound address, as RFC 1928 leaves it to the server. */
export function printReply(code: number): Uint8Array {
  return Uint8Array.of(5, code, 0, IPV4, 0, 0, 0, 0, 0, 0)
}

/** The reply octet for a request that was not understood (section 6). */
export function replyCodeForError(error: Exclude<SocksRequestError, Incomplete>): number {
  switch (error.reason) {
    case 'bad_version':
    case 'bad_host':
      return 1 // general SOCKS server failure
    case 'command_not_supported':
      return 7
    case 'address_type_not_supported':
      return 8
  }
}

type Span = { readonly start: number; readonly end: number }

function addressSpan(type: number, input: Uint8Array): Result<Span, DestinationError> {
  if (type === IPV4) return ok({ start: HEADER_OCTETS, end: HEADER_OCTETS + 4 })
  if (type === IPV6) return ok({ start: HEADER_OCTETS, end: HEADER_OCTETS + 16 })
  if (type !== NAME) return err({ reason: 'address_type_not_supported' })
  const length = input[HEADER_OCTETS]
  if (length === undefined) return incomplete(HEADER_OCTETS + 1)
  return ok({ start: HEADER_OCTETS + 1, end: HEADER_OCTETS + 1 + length })
}

/** Text of an address; a name with octets outside ASCII comes out as something no host name can be. */
function addressText(type: number, octets: Uint8Array): string {
  if (type === IPV4) return octets.join('.')
  if (type === NAME) return Buffer.from(octets).toString('latin1')
  const groups: string[] = []
  for (let at = 0; at < octets.length; at += 2) {
    groups.push(((octets[at] ?? 0) * 256 + (octets[at + 1] ?? 0)).toString(16))
  }
  return groups.join(':')
}

function incomplete(need: number) {
  return err<Incomplete>({ reason: 'incomplete', need })
}
