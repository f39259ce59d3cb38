/**
 * Codes by which an administrator lifts the lock of one device for a while. Short enough to be read over the phone,
 * checked without the gateway. 10 octets: the end in Unix minutes (4, big-endian), then an HMAC over device and end.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { err, ok, type Result } from '#lib/result'

/** Octets of the key that gateway and device share. */
export const OVERRIDE_KEY_OCTETS = 32
const MINUTE_MS = 60_000
const END_OCTETS = 4
/** 48 bits: a device takes a few guesses in ten minutes. */
const MAC_OCTETS = 6
/** Crockford's base32: no letter that looks or sounds like another sign. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CODE = /^[0-9A-HJKMNP-TV-Z]{16}$/
const BITS = 5n

/** Why a code opens nothing. `wrong_code`: mistyped, altered, or for another device; nothing tells these apart. */
export type OverrideRefusal = { readonly reason: 'bad_code' | 'wrong_code' | 'code_expired' }

/** A code in groups of four. @param endsAtMs Unix milliseconds; cut to whole minutes. */
export function makeOverrideCode(key: Uint8Array, deviceId: string, endsAtMs: number): string {
  const end = Buffer.alloc(END_OCTETS)
  end.writeUInt32BE(Math.floor(endsAtMs / MINUTE_MS))
  let bits = BigInt(`0x${Buffer.concat([end, macOf(key, deviceId, end)]).toString('hex')}`)
  let text = ''
  for (let at = 0; at < 16; at++) {
    text = `${ALPHABET.charAt(Number(bits & 31n))}${text}`
    bits >>= BITS
  }
  return text.replace(/(.{4})(?=.)/g, '$1-')
}

/**
 * Reads a code as a person types it: case, spaces and hyphens do not count, O is 0, I and L are 1.
 * @returns its end, Unix milliseconds, and the one spelling it has. Never throws.
 */
export function readOverrideCode(
  key: Uint8Array,
  deviceId: string,
  typed: string,
  nowMs: number,
): Result<{ readonly endsAtMs: number; readonly code: string }, OverrideRefusal> {
  const code = typed.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
  if (!CODE.test(code)) return err({ reason: 'bad_code' })
  const octets = octetsOf(code)
  const end = octets.subarray(0, END_OCTETS)
  const isOurs = timingSafeEqual(octets.subarray(END_OCTETS), macOf(key, deviceId, end))
  if (!isOurs) return err({ reason: 'wrong_code' })
  const endsAtMs = end.readUInt32BE() * MINUTE_MS
  return endsAtMs <= nowMs ? err({ reason: 'code_expired' }) : ok({ endsAtMs, code })
}

function octetsOf(code: string): Buffer {
  let bits = 0n
  for (const sign of code) bits = (bits << BITS) | BigInt(ALPHABET.indexOf(sign))
  return Buffer.from(bits.toString(16).padStart(2 * (END_OCTETS + MAC_OCTETS), '0'), 'hex')
}

function macOf(key: Uint8Array, deviceId: string, end: Uint8Array): Buffer {
  const mac = createHmac('sha256', key).update(`zt override v1\0${deviceId}\0`).update(end)
  return mac.digest().subarray(0, MAC_OCTETS)
}
