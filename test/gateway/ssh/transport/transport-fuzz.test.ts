/** Random input at every depth: bytes, framed messages before the keys, protected messages after them. */
import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { signerFor } from '#lib/ssh/signature'
import { writeByte, writeString } from '#lib/ssh/writer'
import {
  CLIENT_ALGORITHMS,
  SERVER_ALGORITHMS,
} from '../../../../gateway/ssh/transport/algorithms.ts'
import type { TransportSettings } from '../../../../gateway/ssh/transport/transport-types.ts'
import { clearPacket, makeVictim, RawClient, type Victim } from '../../../support/raw-ssh-peer.ts'
import { joinPair } from '../../../support/transport-socket.ts'

const RUNS = process.env['ZT_FULL'] ? 20_000 : 150
const hostKey = {
  ...signerFor(generateKeyPairSync('ed25519').privateKey),
  algorithm: 'ssh-ed25519',
}
const SERVER: TransportSettings = {
  role: 'server',
  algorithms: SERVER_ALGORITHMS,
  hostKeys: [hostKey],
}
const CLIENT: TransportSettings = {
  role: 'client',
  algorithms: CLIENT_ALGORITHMS,
  hostKeyAlgorithms: ['ssh-ed25519'],
  verifyHostKey: () => ({ ok: true, value: undefined }),
}

/** What each side said in one whole connection. */
const recorded = { server: [] as Buffer[], client: [] as Buffer[] }
{
  const pair = joinPair(SERVER, CLIENT, (bytes, from) => {
    recorded[from].push(bytes)
    return [bytes]
  })
  pair.settle()
  for (const end of [pair.client, pair.server]) {
    end.transport.send(Buffer.concat([writeByte(MESSAGE.channelData), writeString('hello')]))
    pair.settle()
  }
}

type Edit = {
  readonly at: number
  readonly kind: 'flip' | 'cut' | 'repeat' | 'insert'
  readonly bytes: Uint8Array
}
const edits = fc.array(
  fc.record({
    at: fc.nat(4000),
    kind: fc.constantFrom('flip' as const, 'cut' as const, 'repeat' as const, 'insert' as const),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  }),
  { minLength: 1, maxLength: 4 },
)

function edit(input: Buffer, { at, kind, bytes }: Edit): Buffer {
  const start = input.length === 0 ? 0 : at % input.length
  const before = input.subarray(0, start)
  const after = input.subarray(start)
  if (kind === 'cut') return Buffer.concat([before, after.subarray(bytes.length)])
  if (kind === 'repeat') return Buffer.concat([before, after.subarray(0, bytes.length * 8), after])
  if (kind === 'insert') return Buffer.concat([before, bytes, after])
  const flipped = Buffer.from(input)
  for (const [index, mask] of bytes.entries()) {
    if (start + index < flipped.length)
      flipped[start + index] = (flipped[start + index] ?? 0) ^ mask
  }
  return flipped
}

/** Ends the victim, and says what must hold of every end. */
function concluded(victim: Victim): {
  readonly told: number
  readonly reason: string
  readonly isBounded: boolean
} {
  const isBounded = victim.transport.outputBufferedBytes < 17 * 2 ** 20
  victim.transport.connectionLost()
  victim.transport.receive(Buffer.from('more'))
  return { told: victim.closings.length, reason: victim.closings[0]?.reason ?? '', isBounded }
}

for (const [role, settings, spoken] of [
  ['server', SERVER, recorded.client],
  ['client', CLIENT, recorded.server],
] as const) {
  test(`S1 T03: as ${role}: a recorded connection, changed and split at random, ends cleanly`, (t) => {
    const sizes = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(edits, sizes, (changes, chunks) => {
        const input = changes.reduce(edit, Buffer.concat(spoken))
        const victim = makeVictim(settings)
        for (let at = 0, turn = 0; at < input.length; turn++) {
          const size = chunks[turn % chunks.length] ?? 1
          victim.transport.receive(Buffer.from(input.subarray(at, at + size)))
          at += size
        }
        const end = concluded(victim)
        t.is(end.told, 1)
        t.not(end.reason, '')
        t.true(end.isBounded)
        t.deepEqual(victim.packets, [], 'no message of an unproved peer comes through')
      }),
      { numRuns: RUNS },
    )
  })

  test(`S1 T03: as ${role}: changed messages before the keys, framed rightly, end cleanly`, (t) => {
    const ident = Buffer.from('SSH-2.0-raw\r\n')
    const payloads = payloadsOf(Buffer.concat(spoken))
    fc.assert(
      fc.property(fc.nat(payloads.length - 1), edits, fc.nat(255), (which, changes, type) => {
        const sent = payloads.map((payload, index) => {
          return index === which ? changes.reduce(edit, Buffer.from(payload)) : payload
        })
        const victim = makeVictim(settings)
        const packets = [...sent, Buffer.of(type)].map(clearPacket)
        victim.transport.receive(Buffer.concat([ident, ...packets]))
        const end = concluded(victim)
        t.is(end.told, 1)
        t.true(end.isBounded)
        t.deepEqual(victim.packets, [])
      }),
      { numRuns: RUNS },
    )
  })
}

/** The clear messages of a recording: KEXINIT, and the one of the key exchange. */
function payloadsOf(bytes: Buffer): Buffer[] {
  const payloads: Buffer[] = []
  let rest = bytes.subarray(bytes.indexOf(10) + 1)
  while (payloads.at(-1)?.[0] !== MESSAGE.newKeys) {
    const length = rest.readUInt32BE(0)
    payloads.push(Buffer.from(rest.subarray(5, 4 + length - (rest[4] ?? 0))))
    rest = rest.subarray(4 + length)
  }
  return payloads
}

test('S1 T03: after the keys, random messages of any type end cleanly or are delivered whole', (t) => {
  const payload = fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 80 }))
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 8 }), (messages) => {
      const victim = makeVictim(SERVER)
      const client = new RawClient(victim)
      client.exchangeKeys()
      const sent = messages.map(([type, rest]) => Buffer.concat([Buffer.of(type), rest]))
      for (const message of sent) client.send(message)
      const upper = sent.filter(
        ([type = 0]) => type === 5 || type === 6 || (type >= 50 && type !== 192 && type !== 193),
      )
      t.deepEqual(victim.packets, upper.slice(0, victim.packets.length))
      if (victim.closings.length === 0) t.is(victim.packets.length, upper.length)
      t.is(concluded(victim).told, 1)
    }),
    { numRuns: RUNS },
  )
})
