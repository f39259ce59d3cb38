/** Makes the two ends of a packet protection from negotiated names and derived keys. */
import { CIPHERS, MACS } from './algorithms.ts'
import { ChaChaOpener, ChaChaSealer } from './chacha-cipher.ts'
import { CtrOpener, CtrSealer } from './ctr-cipher.ts'
import { GcmOpener, GcmSealer } from './gcm-cipher.ts'
import type { DirectionKeys, KeyLengths } from './key-derivation.ts'
import type { PacketOpener, PacketSealer } from './packet-protection.ts'
import type { AeadBinding } from './transport-types.ts'

/** Cipher and MAC of one direction, as negotiated. */
export type Protection = { readonly cipher: string; readonly mac: string }

/** Before the first key exchange: nothing is hidden or verified. */
export const CLEAR: PacketOpener & PacketSealer = {
  trailerOctets: 0,
  blockOctets: 8,
  padsLength: true,
  headOctets: 4,
  packetLength: (head) => head.readUInt32BE(0),
  open: (packet) => packet.subarray(4),
  seal: () => undefined,
}

/** Whether the cipher authenticates by itself, so that no MAC is negotiated. */
export function isAead(cipher: string): boolean {
  return CIPHERS.get(cipher)?.family !== 'ctr'
}

/** Lengths to derive. */
export function keyLengths({ cipher, mac }: Protection): KeyLengths {
  const spec = specOf(cipher)
  const macKey = isAead(cipher) ? 0 : macOf(mac).octets
  return { iv: spec.ivOctets, key: spec.keyOctets, macKey }
}

export function makeOpener(
  { cipher, mac }: Protection,
  keys: DirectionKeys,
  binding: AeadBinding | undefined,
): PacketOpener {
  const spec = specOf(cipher)
  if (spec.family === 'gcm') return new GcmOpener(spec.node, keys, binding)
  if (spec.family === 'chacha') return new ChaChaOpener(keys, binding)
  return new CtrOpener(spec.node, keys, macOf(mac))
}

export function makeSealer(
  { cipher, mac }: Protection,
  keys: DirectionKeys,
  binding: AeadBinding | undefined,
): PacketSealer {
  const spec = specOf(cipher)
  if (spec.family === 'gcm') return new GcmSealer(spec.node, keys, binding)
  if (spec.family === 'chacha') return new ChaChaSealer(keys, binding)
  return new CtrSealer(spec.node, keys, macOf(mac))
}

function specOf(cipher: string) {
  const spec = CIPHERS.get(cipher)
  if (spec === undefined) throw new TypeError(`unknown cipher ${cipher}`)
  return spec
}

function macOf(mac: string) {
  const spec = MACS.get(mac)
  if (spec === undefined) throw new TypeError(`unknown mac ${mac}`)
  return spec
}
