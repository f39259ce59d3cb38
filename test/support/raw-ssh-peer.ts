/** A client that keeps to no rule: it exchanges keys properly, and then, or before, sends whatever a test wants. */
import { MESSAGE } from '#lib/ssh/message-numbers'
import { CLIENT_ALGORITHMS } from '../../gateway/ssh/transport/algorithms.ts'
import { Handshake, type NewKeys } from '../../gateway/ssh/transport/handshake.ts'
import { PacketReader } from '../../gateway/ssh/transport/packet-reader.ts'
import { PacketWriter } from '../../gateway/ssh/transport/packet-writer.ts'
import { createTransport } from '../../gateway/ssh/transport/transport.ts'
import type {
  SshTransport,
  TransportClosed,
  TransportSettings,
} from '../../gateway/ssh/transport/transport-types.ts'

export const RAW_IDENTIFICATION = 'SSH-2.0-raw'

/** A packet as it goes before the first keys. */
export function clearPacket(payload: Uint8Array): Buffer {
  const padding = 4 + ((8 - ((payload.length + 9) % 8)) % 8)
  const packet = Buffer.alloc(5 + payload.length + padding)
  packet.writeUInt32BE(1 + payload.length + padding)
  packet[4] = padding
  packet.set(payload, 5)
  return packet
}

/** A transport under attack, with all it told. */
export type Victim = {
  readonly transport: SshTransport
  readonly packets: Buffer[]
  readonly closings: TransportClosed[]
  readonly output: Buffer[]
  /** One entry for each `onDrain`. */
  readonly drains: true[]
  /** What would report output as written, where it is not done at once. */
  readonly unwritten: (() => void)[]
}

/** @param written whether output is reported written at once. */
export function makeVictim(settings: TransportSettings, written = true): Victim {
  const told: Omit<Victim, 'transport'> = {
    packets: [],
    closings: [],
    output: [],
    drains: [],
    unwritten: [],
  }
  const transport = createTransport(settings, {
    onOutput: (bytes, done) => {
      told.output.push(Buffer.from(bytes))
      if (written) done()
      else told.unwritten.push(done)
    },
    onPacket: ({ payload }) => told.packets.push(Buffer.from(payload)),
    onReady: () => undefined,
    onDrain: () => told.drains.push(true),
    onClosed: (closed) => told.closings.push(closed),
  })
  transport.flush()
  return { ...told, transport }
}

/** A raw client joined to a server-role victim in memory. */
export class RawClient {
  readonly received: Buffer[] = []
  readonly #victim: Victim
  readonly #reader = new PacketReader()
  readonly #writer: PacketWriter
  #handshake: Handshake | undefined
  #first: NewKeys | undefined
  #pending: NewKeys | undefined
  #isIdentified = false

  constructor(victim: Victim) {
    this.#victim = victim
    this.#writer = new PacketWriter(
      (bytes, written) => {
        victim.transport.receive(Buffer.from(bytes))
        written()
      },
      () => undefined,
    )
    this.#writer.sendRaw(Buffer.from(`${RAW_IDENTIFICATION}\r\n`))
  }

  /** Runs one whole key exchange. */
  exchangeKeys(): void {
    this.beginExchange()
    this.settle()
  }

  /** Sends KEXINIT only. */
  beginExchange(): void {
    const first = this.#first && {
      sessionId: this.#first.sessionId,
      strict: true,
      hostKey: this.#first.hostKey,
    }
    this.#handshake = new Handshake({
      settings: {
        role: 'client',
        algorithms: CLIENT_ALGORITHMS,
        hostKeyAlgorithms: ['ssh-ed25519'],
        verifyHostKey: () => ({ ok: true, value: undefined }),
      },
      algorithms: { ...CLIENT_ALGORITHMS, ciphers: ['aes128-gcm@openssh.com'] },
      ourIdentification: RAW_IDENTIFICATION,
      peerIdentification: 'SSH-2.0-zt',
      first,
    })
    this.send(this.#handshake.kexInit)
  }

  send(payload: Buffer): void {
    this.#writer.send(payload)
    this.#writer.flush()
  }

  /** Reads what the victim said so far, and goes on with the key exchange. */
  settle(): void {
    for (let bytes = this.#next(); bytes !== undefined; bytes = this.#next()) {
      this.#reader.receive(bytes, (body) => {
        this.#take(Buffer.from(body.subarray(1, body.length - (body[0] ?? 0))))
        return true
      })
    }
  }

  #next(): Buffer | undefined {
    this.#victim.transport.flush()
    const bytes = this.#victim.output.shift()
    if (bytes === undefined || this.#isIdentified) return bytes
    this.#isIdentified = true
    return bytes.subarray(bytes.indexOf(10) + 1)
  }

  #take(payload: Buffer): void {
    const type = payload[0] ?? 0
    this.received.push(payload)
    if (type < MESSAGE.kexInit || type > 49) return
    const outcome = this.#handshake?.receive(payload)
    if (!outcome?.ok) throw new Error(`raw client: ${outcome?.error.reason}`)
    for (const message of outcome.value.send) this.send(message)
    if (outcome.value.keys !== undefined) {
      this.send(Buffer.of(MESSAGE.newKeys))
      this.#pending = outcome.value.keys
      this.#writer.setSealer(this.#pending.sealer, true)
    }
    if (this.#handshake?.isDone && this.#pending !== undefined) {
      this.#reader.setOpener(this.#pending.opener, true)
      this.#first ??= this.#pending
    }
  }
}
