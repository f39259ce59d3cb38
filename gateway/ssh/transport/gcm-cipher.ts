/**
 * AES-GCM packets (RFC 5647 as OpenSSH's PROTOCOL section 1.6 narrows it): the length is additional data, the last
 * eight octets of the nonce count packets. With the native binding both ways work in place.
 */
import { type CipherGCMTypes, createCipheriv, createDecipheriv } from 'node:crypto'
import type { DirectionKeys } from './key-derivation.ts'
import type { PacketOpener, PacketSealer } from './packet-protection.ts'
import type { AeadBinding, NativeGcmCipher, NativeGcmDecipher } from './transport-types.ts'

const LENGTH_OCTETS = 4
const TAG_OCTETS = 16

/** Layout, and the nonce of the next packet. */
class GcmPackets {
  readonly trailerOctets = TAG_OCTETS
  readonly blockOctets = 16
  readonly padsLength = false
  readonly headOctets = LENGTH_OCTETS
  protected readonly node: CipherGCMTypes
  protected readonly key: Buffer
  protected readonly nonce: Buffer

  constructor(node: string, keys: DirectionKeys) {
    this.node = node as CipherGCMTypes
    this.key = keys.key
    this.nonce = Buffer.from(keys.iv)
  }

  protected advance(): void {
    const count = this.nonce.readBigUInt64BE(4)
    this.nonce.writeBigUInt64BE(BigInt.asUintN(64, count + 1n), 4)
  }
}

export class GcmOpener extends GcmPackets implements PacketOpener {
  readonly #native: NativeGcmDecipher | undefined

  constructor(node: string, keys: DirectionKeys, binding: AeadBinding | undefined) {
    super(node, keys)
    this.#native = binding && new binding.AESGCMDecipher(node, keys.key, this.nonce)
  }

  packetLength(head: Buffer): number {
    return head.readUInt32BE(0)
  }

  open(packet: Buffer): Buffer | undefined {
    const end = packet.length - TAG_OCTETS
    const body = packet.subarray(LENGTH_OCTETS, end)
    try {
      if (this.#native === undefined) return this.#openByNode(packet, body, end)
      this.#native.decrypt(body, body.length, packet.subarray(end))
      return body
    } catch {
      return undefined // wrong tag
    }
  }

  #openByNode(packet: Buffer, body: Buffer, end: number): Buffer {
    const decipher = createDecipheriv(this.node, this.key, this.nonce)
    decipher.setAAD(packet.subarray(0, LENGTH_OCTETS)).setAuthTag(packet.subarray(end))
    const plain = decipher.update(body)
    decipher.final()
    this.advance()
    return plain
  }
}

export class GcmSealer extends GcmPackets implements PacketSealer {
  readonly #native: NativeGcmCipher | undefined

  constructor(node: string, keys: DirectionKeys, binding: AeadBinding | undefined) {
    super(node, keys)
    this.#native = binding && new binding.AESGCMCipher(node, keys.key, this.nonce)
  }

  seal(packet: Buffer): void {
    if (this.#native !== undefined) {
      this.#native.encrypt(packet)
      return
    }
    const end = packet.length - TAG_OCTETS
    const cipher = createCipheriv(this.node, this.key, this.nonce)
    cipher.setAAD(packet.subarray(0, LENGTH_OCTETS))
    packet.set(cipher.update(packet.subarray(LENGTH_OCTETS, end)), LENGTH_OCTETS)
    cipher.final()
    packet.set(cipher.getAuthTag(), end)
    this.advance()
  }
}
