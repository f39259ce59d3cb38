/**
 * ChaCha20-Poly1305 packets (OpenSSH PROTOCOL.chacha20poly1305): the length is encrypted under a key of its own.
 * Only through the native binding, since node:crypto offers no bare Poly1305.
 */
import type { DirectionKeys } from './key-derivation.ts'
import type { PacketOpener, PacketSealer } from './packet-protection.ts'
import type { AeadBinding, NativeChaChaCipher, NativeChaChaDecipher } from './transport-types.ts'

const LENGTH_OCTETS = 4
const TAG_OCTETS = 16
const LAYOUT = { trailerOctets: TAG_OCTETS, blockOctets: 8, padsLength: false } as const

export class ChaChaOpener implements PacketOpener {
  readonly trailerOctets = LAYOUT.trailerOctets
  readonly blockOctets = LAYOUT.blockOctets
  readonly padsLength = LAYOUT.padsLength
  readonly headOctets = LENGTH_OCTETS
  readonly #native: NativeChaChaDecipher

  constructor(keys: DirectionKeys, binding: AeadBinding | undefined) {
    this.#native = new (needed(binding).ChaChaPolyDecipher)(keys.key)
  }

  packetLength(head: Buffer, sequence: number): number {
    return this.#native.decryptLen(head.subarray(0, LENGTH_OCTETS), sequence) >>> 0
  }

  open(packet: Buffer, sequence: number): Buffer | undefined {
    const end = packet.length - TAG_OCTETS
    const body = packet.subarray(LENGTH_OCTETS, end)
    try {
      this.#native.decrypt(body, packet.subarray(end), sequence)
      return body
    } catch {
      return undefined // wrong tag
    }
  }
}

export class ChaChaSealer implements PacketSealer {
  readonly trailerOctets = LAYOUT.trailerOctets
  readonly blockOctets = LAYOUT.blockOctets
  readonly padsLength = LAYOUT.padsLength
  readonly #native: NativeChaChaCipher

  constructor(keys: DirectionKeys, binding: AeadBinding | undefined) {
    this.#native = new (needed(binding).ChaChaPolyCipher)(keys.key)
  }

  seal(packet: Buffer, sequence: number): void {
    this.#native.encrypt(packet, sequence)
  }
}

/** It is offered only with the binding. */
function needed(binding: AeadBinding | undefined): AeadBinding {
  if (binding === undefined) throw new TypeError('chacha20-poly1305 needs the native binding')
  return binding
}
