/** AES-CTR with HMAC (RFC 4344, RFC 6668): MAC over the plain packet, or over the encrypted one (`-etm`). */
import {
  type Cipher,
  createCipheriv,
  createDecipheriv,
  createHmac,
  type Decipher,
  timingSafeEqual,
} from 'node:crypto'
import type { MacSpec } from './algorithms.ts'
import type { DirectionKeys } from './key-derivation.ts'
import type { PacketOpener, PacketSealer } from './packet-protection.ts'

const LENGTH_OCTETS = 4
const BLOCK_OCTETS = 16
const EMPTY = Buffer.alloc(0)

/** Layout and MAC. */
class CtrPackets {
  readonly blockOctets = BLOCK_OCTETS
  readonly trailerOctets: number
  readonly padsLength: boolean
  /** Octets at the start that stay readable. */
  protected readonly clearOctets: number
  readonly #mac: MacSpec
  readonly #macKey: Buffer
  readonly #sequence = Buffer.alloc(4)

  constructor(keys: DirectionKeys, mac: MacSpec) {
    this.#mac = mac
    this.#macKey = keys.macKey
    this.trailerOctets = mac.octets
    this.padsLength = !mac.etm
    this.clearOctets = mac.etm ? LENGTH_OCTETS : 0
  }

  protected macOf(sequence: number, data: Buffer): Buffer {
    this.#sequence.writeUInt32BE(sequence)
    return createHmac(this.#mac.hash, this.#macKey).update(this.#sequence).update(data).digest()
  }
}

export class CtrOpener extends CtrPackets implements PacketOpener {
  readonly headOctets: number
  readonly #decipher: Decipher
  /** Plain first block, where the length had to be decrypted ahead of the rest. */
  #firstBlock = EMPTY

  constructor(node: string, keys: DirectionKeys, mac: MacSpec) {
    super(keys, mac)
    this.#decipher = createDecipheriv(node, keys.key, keys.iv)
    this.headOctets = mac.etm ? LENGTH_OCTETS : BLOCK_OCTETS
  }

  packetLength(head: Buffer): number {
    if (this.clearOctets > 0) return head.readUInt32BE(0)
    this.#firstBlock = this.#decipher.update(head.subarray(0, BLOCK_OCTETS))
    return this.#firstBlock.readUInt32BE(0)
  }

  open(packet: Buffer, sequence: number): Buffer | undefined {
    const end = packet.length - this.trailerOctets
    const mac = packet.subarray(end)
    if (this.clearOctets > 0) {
      const isGenuine = timingSafeEqual(this.macOf(sequence, packet.subarray(0, end)), mac)
      return isGenuine ? this.#decipher.update(packet.subarray(LENGTH_OCTETS, end)) : undefined
    }
    const rest = this.#decipher.update(packet.subarray(BLOCK_OCTETS, end))
    const plain = Buffer.concat([this.#firstBlock, rest])
    const isGenuine = timingSafeEqual(this.macOf(sequence, plain), mac)
    return isGenuine ? plain.subarray(LENGTH_OCTETS) : undefined
  }
}

export class CtrSealer extends CtrPackets implements PacketSealer {
  readonly #cipher: Cipher

  constructor(node: string, keys: DirectionKeys, mac: MacSpec) {
    super(keys, mac)
    this.#cipher = createCipheriv(node, keys.key, keys.iv)
  }

  seal(packet: Buffer, sequence: number): void {
    const end = packet.length - this.trailerOctets
    const sealed = packet.subarray(0, end)
    const isMacFirst = this.clearOctets === 0
    if (isMacFirst) packet.set(this.macOf(sequence, sealed), end)
    packet.set(this.#cipher.update(packet.subarray(this.clearOctets, end)), this.clearOctets)
    if (!isMacFirst) packet.set(this.macOf(sequence, sealed), end)
  }
}
