/** Exchange hash and keys (RFC 4253 sections 7.2 and 8, RFC 5656 section 4). */
import { createHash } from 'node:crypto'
import { writeString } from '#lib/ssh/writer'

/** What both sides saw; the exchange hash covers all of it. */
export type ExchangeTranscript = {
  /** Lines without line end. */
  readonly clientIdentification: string
  readonly serverIdentification: string
  /** KEXINIT payloads. */
  readonly clientKexInit: Buffer
  readonly serverKexInit: Buffer
  readonly hostKeyBlob: Buffer
  readonly clientValue: Buffer
  readonly serverValue: Buffer
  /** Shared secret as encoded by the method. */
  readonly secret: Buffer
}

/** Secrets of one direction. */
export type DirectionKeys = { readonly iv: Buffer; readonly key: Buffer; readonly macKey: Buffer }
export type KeyLengths = { readonly iv: number; readonly key: number; readonly macKey: number }

export function exchangeHash(hash: string, transcript: ExchangeTranscript): Buffer {
  const strings = [
    transcript.clientIdentification,
    transcript.serverIdentification,
    transcript.clientKexInit,
    transcript.serverKexInit,
    transcript.hostKeyBlob,
    transcript.clientValue,
    transcript.serverValue,
  ]
  const digest = createHash(hash)
  for (const value of strings) digest.update(writeString(value))
  return digest.update(transcript.secret).digest()
}

/** A function from letter (`A` to `F`) and length to key octets. */
export function keyDeriver(
  hash: string,
  secret: Buffer,
  exchange: Buffer,
  sessionId: Buffer,
): (letter: string, octets: number) => Buffer {
  return (letter, octets) => {
    let key = createHash(hash)
      .update(secret)
      .update(exchange)
      .update(letter)
      .update(sessionId)
      .digest()
    while (key.length < octets) {
      const more = createHash(hash).update(secret).update(exchange).update(key).digest()
      key = Buffer.concat([key, more])
    }
    return key.subarray(0, octets)
  }
}

/** Keys of client to server (`A`, `C`, `E`) or server to client (`B`, `D`, `F`). */
export function deriveDirection(
  derive: (letter: string, octets: number) => Buffer,
  direction: 'client_to_server' | 'server_to_client',
  lengths: KeyLengths,
): DirectionKeys {
  const [iv, key, macKey] = direction === 'client_to_server' ? ['A', 'C', 'E'] : ['B', 'D', 'F']
  return {
    iv: derive(iv, lengths.iv),
    key: derive(key, lengths.key),
    macKey: derive(macKey, lengths.macKey),
  }
}
