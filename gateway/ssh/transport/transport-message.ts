/** Messages of the transport layer itself (RFC 4253 section 11, RFC 8308, OpenSSH PROTOCOL sections 1.9 and 1.10). */
import { SIGNATURE_ALGORITHMS } from '#lib/ssh/key-algorithms'
import { DISCONNECT, FIRST_UPPER_MESSAGE, MESSAGE } from '#lib/ssh/message-numbers'
import { SshReader } from '#lib/ssh/reader'
import { writeByte, writeString, writeUint32 } from '#lib/ssh/writer'
import type { TransportReason } from './transport-types.ts'

/** Longest text from a peer that reaches a log. */
const DETAIL_LIMIT = 256

export function writeDisconnect(code: number, text: string): Buffer {
  const head = [writeByte(MESSAGE.disconnect), writeUint32(code)]
  return Buffer.concat([...head, writeString(printable(text)), writeString('')])
}

/** A malformed DISCONNECT disconnects all the same. */
export function readDisconnect(payload: Buffer): { readonly code: number; readonly text: string } {
  const reader = new SshReader(payload.subarray(1))
  return { code: reader.uint32(), text: printable(reader.string().toString('latin1')) }
}

/** Answer to a message nobody knows (RFC 4253 section 11.4). */
export function writeUnimplemented(sequence: number): Buffer {
  return Buffer.concat([writeByte(MESSAGE.unimplemented), writeUint32(sequence)])
}

/**
 * What a server says after its first NEWKEYS: the signature names it takes (else RSA clients fall back to SHA-1), and
 * that it answers PING, on which OpenSSH clients hide the timing of keystrokes.
 */
export function writeServerExtInfo(signatures: readonly string[] = SIGNATURE_ALGORITHMS): Buffer {
  return Buffer.concat([
    writeByte(MESSAGE.extInfo),
    writeUint32(2),
    writeString('server-sig-algs'),
    writeString(signatures.join(',')),
    writeString('ping@openssh.com'),
    writeString('0'),
  ])
}

/** PONG returns the data of PING. */
export function writePong(ping: Buffer): Buffer {
  return Buffer.concat([writeByte(MESSAGE.pong), ping.subarray(1)])
}

/** Printable ASCII, at most 256 octets: a peer's words never steer a terminal or forge a log line. */
export function printable(text: string): string {
  return text.slice(0, DETAIL_LIMIT).replaceAll(/[^\x20-\x7e]/g, '?')
}

/** The code that a refusal is sent with; the peer learns no more than this. */
export function disconnectCode(reason: TransportReason): number {
  switch (reason) {
    case 'bad_mac':
      return DISCONNECT.macError
    case 'bad_identification':
      return DISCONNECT.versionNotSupported
    case 'no_common_algorithm':
    case 'weak_without_strict_kex':
    case 'bad_key_exchange':
    case 'bad_host_signature':
      return DISCONNECT.keyExchangeFailed
    case 'host_key_refused':
    case 'host_key_changed':
      return DISCONNECT.hostKeyNotVerifiable
    default:
      return DISCONNECT.protocolError
  }
}

/** Types 20 to 49 (RFC 4250 section 4.1.1). */
export function isKexMessage(type: number): boolean {
  return type >= MESSAGE.kexInit && type < FIRST_UPPER_MESSAGE
}

/** Messages without meaning. */
export function isChatter(type: number): boolean {
  return type === MESSAGE.ignore || type === MESSAGE.debug || type === MESSAGE.unimplemented
}

/** For the layers above: service requests, authentication, connection; PING and PONG stay in the transport. */
export function isUpperMessage(type: number): boolean {
  const isService = type === MESSAGE.serviceRequest || type === MESSAGE.serviceAccept
  const isPing = type === MESSAGE.ping || type === MESSAGE.pong
  return isService || (type >= FIRST_UPPER_MESSAGE && !isPing)
}
