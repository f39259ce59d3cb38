/** The transport against peers that break the rules, and against itself in every split. */
import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { signerFor } from '#lib/ssh/signature'
import { writeBoolean, writeByte, writeNameList, writeString, writeUint32 } from '#lib/ssh/writer'
import { loadAeadBinding } from '../../../../gateway/ssh/transport/aead-binding-os.ts'
import {
  CIPHERS,
  CLIENT_ALGORITHMS,
  FIPS_ALGORITHMS,
  MACS,
  SERVER_ALGORITHMS,
} from '../../../../gateway/ssh/transport/algorithms.ts'
import { KEX_METHODS } from '../../../../gateway/ssh/transport/key-exchange.ts'
import type {
  HostKey,
  TransportSettings,
} from '../../../../gateway/ssh/transport/transport-types.ts'
import {
  clearPacket,
  makeVictim,
  RAW_IDENTIFICATION,
  RawClient,
} from '../../../support/raw-ssh-peer.ts'
import { joinPair } from '../../../support/transport-socket.ts'

const binding = loadAeadBinding()
const newHostKey = (): HostKey => {
  return { ...signerFor(generateKeyPairSync('ed25519').privateKey), algorithm: 'ssh-ed25519' }
}
const hostKey = newHostKey()
const SERVER: TransportSettings = {
  role: 'server',
  algorithms: SERVER_ALGORITHMS,
  binding,
  hostKeys: [hostKey],
}
const CLIENT: TransportSettings = {
  role: 'client',
  algorithms: CLIENT_ALGORITHMS,
  binding,
  hostKeyAlgorithms: ['ssh-ed25519'],
  verifyHostKey: () => ({ ok: true, value: undefined }),
}
const data = (text: string) => Buffer.concat([writeByte(MESSAGE.channelData), writeString(text)])
const message = (type: number, ...parts: Buffer[]) => Buffer.concat([writeByte(type), ...parts])
const ident = Buffer.from(`${RAW_IDENTIFICATION}\r\n`)

type Names = {
  kex?: readonly string[]
  hostKeys?: readonly string[]
  ciphers?: readonly string[]
  guess?: boolean
}
const kexInit = ({ kex, hostKeys, ciphers, guess }: Names = {}) => {
  const cipherNames = ciphers ?? ['aes128-gcm@openssh.com']
  const lists = [
    kex ?? ['curve25519-sha256', 'kex-strict-c-v00@openssh.com'],
    hostKeys ?? ['ssh-ed25519'],
    cipherNames,
    cipherNames,
    ['hmac-sha2-256'],
    ['hmac-sha2-256'],
    ['none'],
    ['none'],
    [],
    [],
  ]
  const head = message(MESSAGE.kexInit, Buffer.alloc(16))
  return Buffer.concat([
    head,
    ...lists.map(writeNameList),
    writeBoolean(guess ?? false),
    writeUint32(0),
  ])
}
const STRICT_INIT = kexInit()
const LOOSE_INIT = kexInit({ kex: ['curve25519-sha256'] })

/** What a server says to these clear packets: the reason of its end, or `open`. */
function fate(packets: readonly Buffer[], settings: TransportSettings = SERVER): string {
  const victim = makeVictim(settings)
  victim.transport.receive(Buffer.concat([ident, ...packets.map(clearPacket)]))
  return victim.closings[0]?.reason ?? 'open'
}

const chatter = message(MESSAGE.ignore, writeString('x'))
const debug = message(MESSAGE.debug, writeBoolean(false), writeString('x'), writeString(''))
const EARLY: Readonly<Record<string, [Buffer[], string]>> = {
  'IGNORE before KEXINIT of a strict peer (T01)': [[chatter, STRICT_INIT], 'strict_kex_violation'],
  'IGNORE after KEXINIT of a strict peer (T01)': [[STRICT_INIT, chatter], 'strict_kex_violation'],
  'DEBUG after KEXINIT of a strict peer (T01)': [[STRICT_INIT, debug], 'strict_kex_violation'],
  'UNIMPLEMENTED after KEXINIT of a strict peer (T01)': [
    [STRICT_INIT, message(MESSAGE.unimplemented, writeUint32(0))],
    'strict_kex_violation',
  ],
  'an unknown message after KEXINIT (T01)': [[STRICT_INIT, message(9)], 'unexpected_message'],
  'some IGNORE of a peer without strict key exchange': [[chatter, LOOSE_INIT, chatter], 'open'],
  '65 IGNORE before keys': [Array<Buffer>(65).fill(chatter), 'too_many_messages'],
  'a service request before keys (T03)': [
    [STRICT_INIT, message(MESSAGE.serviceRequest)],
    'unexpected_message',
  ],
  'an authentication before keys (T03)': [[message(MESSAGE.userAuthRequest)], 'unexpected_message'],
  'SUCCESS before keys (T03)': [
    [STRICT_INIT, message(MESSAGE.userAuthSuccess)],
    'unexpected_message',
  ],
  'a channel before keys (T03)': [
    [STRICT_INIT, message(MESSAGE.channelOpen)],
    'unexpected_message',
  ],
  'PING before keys (T03)': [
    [STRICT_INIT, message(MESSAGE.ping, writeString(''))],
    'unexpected_message',
  ],
  'EXT_INFO before keys': [
    [STRICT_INIT, message(MESSAGE.extInfo, writeUint32(0))],
    'unexpected_message',
  ],
  'a second KEXINIT (T03)': [[STRICT_INIT, STRICT_INIT], 'unexpected_message'],
  'NEWKEYS at once (T03)': [[message(MESSAGE.newKeys)], 'unexpected_message'],
  'NEWKEYS after KEXINIT (T03)': [[STRICT_INIT, message(MESSAGE.newKeys)], 'unexpected_message'],
  'ECDH_INIT without KEXINIT (T03)': [
    [message(30, writeString(Buffer.alloc(32, 9)))],
    'unexpected_message',
  ],
  'the ECDH_REPLY of a server (T03)': [
    [STRICT_INIT, message(31, writeString(''))],
    'unexpected_message',
  ],
  'DISCONNECT before keys': [[message(MESSAGE.disconnect)], 'disconnected'],
  'a KEXINIT cut short': [[STRICT_INIT.subarray(0, -1)], 'malformed_message'],
  'a KEXINIT with more octets': [[Buffer.concat([STRICT_INIT, Buffer.of(0)])], 'malformed_message'],
  'only SHA-1 key exchange (T13)': [
    [kexInit({ kex: ['diffie-hellman-group14-sha1'] })],
    'no_common_algorithm',
  ],
  'only NIST curves, which are for FIPS': [
    [kexInit({ kex: ['ecdh-sha2-nistp256'] })],
    'no_common_algorithm',
  ],
  'only CBC (T13)': [[kexInit({ ciphers: ['aes128-cbc'] })], 'no_common_algorithm'],
  'only SHA-1 host keys (T13)': [[kexInit({ hostKeys: ['ssh-rsa'] })], 'no_common_algorithm'],
  'our own pseudo name as the only key exchange': [
    [kexInit({ kex: ['kex-strict-s-v00@openssh.com'] })],
    'no_common_algorithm',
  ],
  'a wrong guess, skipped once (T03)': [
    [kexInit({ kex: ['x', 'curve25519-sha256'], guess: true }), message(30, writeString('guess'))],
    'open',
  ],
  'a wrong guess, and a second one (T03)': [
    [
      kexInit({ kex: ['x', 'curve25519-sha256'], guess: true }),
      message(30, writeString('guess')),
      message(30, writeString('guess')),
    ],
    'bad_key_exchange',
  ],
}
for (const [name, [packets, wanted]] of Object.entries(EARLY)) {
  test(`S1 T03: before the first keys: ${name}: ${wanted}`, (t) => {
    t.is(fate(packets), wanted)
  })
}

/** Points of order 1, 2, 4 and 8 and their other encodings (RFC 7748 section 7; the list of libsodium). */
const LOW_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]
test('S1 T04: curve25519 values of low order, short or long are refused', (t) => {
  for (const value of [...LOW_ORDER, '', '09', '09'.repeat(33)]) {
    const init = message(30, writeString(Buffer.from(value, 'hex')))
    t.is(fate([STRICT_INIT, init]), 'bad_key_exchange', value)
    t.is(KEX_METHODS.get('curve25519-sha256')?.begin().agree(Buffer.from(value, 'hex')), undefined)
  }
})

test('S1 T04: NIST values that are no point, at infinity or compressed are refused', (t) => {
  const point = KEX_METHODS.get('ecdh-sha2-nistp256')?.begin().publicValue ?? Buffer.alloc(65)
  const off = Buffer.from(point)
  off[64] = (off[64] ?? 0) ^ 1
  const bad = [
    Buffer.of(0),
    Buffer.alloc(65, 4),
    Buffer.alloc(65),
    off,
    point.subarray(0, 33),
    Buffer.concat([point, point]),
  ]
  for (const value of bad) {
    const init = message(30, writeString(value))
    const settings = { ...SERVER, algorithms: FIPS_ALGORITHMS }
    t.is(fate([kexInit({ kex: ['ecdh-sha2-nistp256'] }), init], settings), 'bad_key_exchange')
  }
})

for (const length of [0, 1, 4, 11, 13, 35_004, 262_140, 2 ** 31, 2 ** 32 - 1]) {
  test(`S1 T02: a packet length of ${length} is refused as soon as it is read`, (t) => {
    const victim = makeVictim(SERVER)
    victim.transport.receive(Buffer.concat([ident, writeUint32(length)]))
    t.is(victim.closings[0]?.reason, 'bad_packet_length')
  })
}

test('S1 T02: padding below four, or longer than its packet, is refused', (t) => {
  for (const padding of [0, 3, 11, 255]) {
    const packet = clearPacket(Buffer.alloc(6, MESSAGE.ignore))
    packet[4] = padding
    const victim = makeVictim(SERVER)
    victim.transport.receive(Buffer.concat([ident, packet]))
    t.is(victim.closings[0]?.reason, 'bad_padding', String(padding))
  }
})

const BANNERS: Readonly<Record<string, [string, TransportSettings, string]>> = {
  'a plain one': ['SSH-2.0-x\r\n', SERVER, 'open'],
  'one ended by LF alone': ['SSH-2.0-x\n', SERVER, 'open'],
  'a comment': ['SSH-2.0-x y z\r\n', SERVER, 'open'],
  '1.99': ['SSH-1.99-x\r\n', SERVER, 'open'],
  '1.5': ['SSH-1.5-x\r\n', SERVER, 'bad_identification'],
  'no version': ['SSH-2.0-\r\n', SERVER, 'bad_identification'],
  'a NUL in it': ['SSH-2.0-x\0\r\n', SERVER, 'bad_identification'],
  'a CR within': ['SSH-2.0-x\ry\r\n', SERVER, 'bad_identification'],
  'an escape sequence': ['SSH-2.0-\x1b[2J\r\n', SERVER, 'bad_identification'],
  '253 octets': [`SSH-2.0-${'x'.repeat(245)}\r\n`, SERVER, 'open'],
  '254 octets': [`SSH-2.0-${'x'.repeat(246)}\r\n`, SERVER, 'bad_identification'],
  'no end within 64 KiB': ['S'.repeat(65536), SERVER, 'bad_identification'],
  'no line end yet': ['SSH-2.0-x', SERVER, 'open'],
  'an HTTP request': ['GET / HTTP/1.1\r\n', SERVER, 'bad_identification'],
  'a first octet that cannot begin one': ['\x16', SERVER, 'bad_identification'],
  'a PROXY header': [
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\nSSH-2.0-x\r\n',
    SERVER,
    'bad_identification',
  ],
  'a client that says a line first': ['hello\r\nSSH-2.0-x\r\n', SERVER, 'bad_identification'],
  'a server that says lines first': ['hello\r\nworld\r\nSSH-2.0-x\r\n', CLIENT, 'open'],
  'a server that says 51 lines first': [
    `${'a\r\n'.repeat(51)}SSH-2.0-x\r\n`,
    CLIENT,
    'bad_identification',
  ],
  'a server with a line of 64 KiB': ['a'.repeat(65536), CLIENT, 'bad_identification'],
}
for (const [name, [text, settings, wanted]] of Object.entries(BANNERS)) {
  test(`S1 T12: identification with ${name}: ${wanted}, in any split`, (t) => {
    for (const size of [65536, 7, 1]) {
      const victim = makeVictim(settings)
      const bytes = Buffer.from(text, 'latin1')
      for (let at = 0; at < bytes.length; at += size)
        victim.transport.receive(bytes.subarray(at, at + size))
      t.is(victim.closings[0]?.reason ?? 'open', wanted, `by ${size}`)
    }
  })
}

test('S1 T12: what we send begins with our identification and nothing else', (t) => {
  t.is(makeVictim(CLIENT).output[0]?.toString(), 'SSH-2.0-zt\r\n')
})

const PROTECTIONS = [...CIPHERS.keys()].flatMap((cipher) =>
  (cipher.endsWith('ctr') ? [...MACS.keys()] : ['hmac-sha2-256']).map(
    (mac) => [cipher, mac] as const,
  ),
)
const protectedBy = (settings: TransportSettings, cipher: string, mac: string, native = true) => ({
  ...settings,
  algorithms: { ...settings.algorithms, ciphers: [cipher], macs: [mac] },
  binding: native ? binding : undefined,
})
for (const [cipher, mac] of PROTECTIONS) {
  test(`S1: ${cipher} ${mac}: any split, both directions, native or not`, (t) => {
    const sizes = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 9 })
    const texts = fc.array(fc.string({ maxLength: 3000 }), { maxLength: 6 })
    fc.assert(
      fc.property(sizes, texts, (chunks, sent) => {
        let turn = 0
        const split = (bytes: Buffer) => {
          const parts: Buffer[] = []
          for (let at = 0; at < bytes.length; at += parts.at(-1)?.length ?? 1) {
            parts.push(bytes.subarray(at, at + (chunks[turn++ % chunks.length] ?? 1)))
          }
          return parts
        }
        const nodeToo = !cipher.startsWith('chacha')
        const pair = joinPair(
          protectedBy(SERVER, cipher, mac),
          protectedBy(CLIENT, cipher, mac, !nodeToo),
          split,
        )
        pair.settle()
        for (const text of sent) {
          pair.server.transport.send(data(text))
          pair.client.transport.send(data(text))
        }
        pair.settle()
        const wanted = sent.map(data)
        t.deepEqual([pair.server.packets, pair.client.packets], [wanted, wanted])
        t.deepEqual([...pair.server.closings, ...pair.client.closings], [])
        t.deepEqual(pair.server.transport.sessionId, pair.client.transport.sessionId)
      }),
      { numRuns: process.env['ZT_FULL'] ? 500 : 12 },
    )
  })

  test(`S1: ${cipher} ${mac}: a flipped bit in any octet ends the connection`, (t) => {
    const size = 4 + 32 + 16 + (mac.includes('512') ? 64 : 32)
    for (let at = 0; at < size; at += 3) {
      let isArmed = false
      const flip = (bytes: Buffer, from: string) => {
        const index = at % bytes.length
        if (isArmed && from === 'client') bytes[index] = (bytes[index] ?? 0) ^ 0x10
        return [bytes]
      }
      const pair = joinPair(
        protectedBy(SERVER, cipher, mac),
        protectedBy(CLIENT, cipher, mac),
        flip,
      )
      pair.settle()
      isArmed = true
      // A changed length may ask for more octets, so there are more.
      for (let count = 0; count < 20; count++) pair.client.transport.send(data('x'.repeat(2000)))
      pair.settle()
      const reason = pair.server.closings[0]?.reason
      t.true(reason === 'bad_mac' || reason === 'bad_packet_length', `${reason} at ${at}`)
      t.deepEqual(pair.server.packets, [])
    }
  })
}

test('S1: re-exchanges from either side, at once or in turn, lose and reorder nothing', (t) => {
  const steps = fc.array(fc.constantFrom('server', 'client', 'both', 'settle', 'data'), {
    maxLength: 30,
  })
  fc.assert(
    fc.property(steps, (order) => {
      const pair = joinPair(SERVER, CLIENT)
      pair.settle()
      let sent = 0
      for (const step of order) {
        if (step === 'server' || step === 'both') pair.server.transport.rekey()
        if (step === 'client' || step === 'both') pair.client.transport.rekey()
        if (step === 'settle') pair.settle()
        pair.server.transport.send(data(String(sent)))
        pair.client.transport.send(data(String(sent++)))
      }
      pair.settle()
      const wanted = Array.from({ length: sent }, (_, index) => data(String(index)))
      t.deepEqual([pair.server.packets, pair.client.packets], [wanted, wanted])
      t.deepEqual([...pair.server.closings, ...pair.client.closings], [])
      t.deepEqual(pair.server.readies, pair.client.readies)
    }),
    { numRuns: process.env['ZT_FULL'] ? 1000 : 40 },
  )
})

test('S1: keys are exchanged again after the limit of bytes, and the session id stays', (t) => {
  const pair = joinPair({ ...SERVER, rekeyAfterBytes: 50_000 }, CLIENT)
  pair.settle()
  const before = pair.server.transport.sessionId
  for (let count = 0; count < 40; count++) {
    pair.client.transport.send(data('x'.repeat(4000)))
    pair.settle()
  }
  t.true(pair.client.readies.length >= 3)
  t.deepEqual(pair.client.readies.slice(0, 2), [true, false])
  t.deepEqual(pair.client.transport.sessionId, before)
  t.is(pair.server.packets.length, 40)
})

test('S1 T10: another host key at a re-exchange is refused, though it would be trusted', (t) => {
  const keys = [hostKey]
  const pair = joinPair({ ...SERVER, hostKeys: keys }, CLIENT)
  pair.settle()
  keys[0] = newHostKey()
  pair.server.transport.rekey()
  pair.settle()
  t.is(pair.client.closings[0]?.reason, 'host_key_changed')
})

test('S1: a host key is not asked about again at a re-exchange, and is asked about before use', (t) => {
  let asked = 0
  const verifyHostKey = () =>
    ({ ok: ++asked === 1, value: undefined, error: { reason: 'x' } }) as never
  const pair = joinPair(SERVER, { ...CLIENT, verifyHostKey } as TransportSettings)
  pair.settle()
  pair.client.transport.rekey()
  pair.settle()
  t.deepEqual([asked, pair.client.readies], [1, [true, false]])
  const refusing = joinPair(SERVER, {
    ...CLIENT,
    verifyHostKey: () => ({ ok: false, error: { reason: 'host_key_unknown' } }),
  } as TransportSettings)
  refusing.settle()
  t.like(refusing.client.closings[0], { reason: 'host_key_refused', detail: 'host_key_unknown' })
  t.deepEqual(refusing.client.readies, [])
})

test('S1: a server that signs with another key than it shows is refused', (t) => {
  const liar = { ...newHostKey(), sign: hostKey.sign }
  const pair = joinPair({ ...SERVER, hostKeys: [liar] } as TransportSettings, CLIENT)
  pair.settle()
  t.is(pair.client.closings[0]?.reason, 'bad_host_signature')
})

function rawClient() {
  const victim = makeVictim(SERVER)
  const client = new RawClient(victim)
  client.exchangeKeys()
  return { victim, client }
}

test('S1: after the keys any flood of IGNORE, DEBUG and unknown messages is borne; unknown ones are answered', (t) => {
  const { victim, client } = rawClient()
  for (let count = 0; count < 2000; count++) client.send(count % 2 === 0 ? chatter : debug)
  client.send(message(19))
  client.settle()
  t.deepEqual(victim.closings, [])
  t.deepEqual(victim.packets, [])
  t.deepEqual(client.received.at(-1), message(MESSAGE.unimplemented, writeUint32(2000)))
})

test('S1: EXT_INFO comes first under the first keys, and PING is answered by PONG with its data', (t) => {
  const { victim, client } = rawClient()
  client.send(message(MESSAGE.ping, writeString('obscured')))
  client.settle()
  const types = client.received.map(([type]) => type)
  t.is(types[types.indexOf(MESSAGE.newKeys) + 1], MESSAGE.extInfo)
  t.true(client.received.some((payload) => payload.includes('ping@openssh.com')))
  t.deepEqual(client.received.at(-1), message(MESSAGE.pong, writeString('obscured')))
  t.deepEqual(victim.packets, [])
})

const DURING: Readonly<Record<string, [Buffer, string]>> = {
  'channel data': [data('x'), 'unexpected_message'],
  'an authentication': [message(MESSAGE.userAuthRequest), 'unexpected_message'],
  'a service request': [message(MESSAGE.serviceRequest), 'unexpected_message'],
  PING: [message(MESSAGE.ping, writeString('')), 'unexpected_message'],
  'a second KEXINIT': [STRICT_INIT, 'unexpected_message'],
  NEWKEYS: [message(MESSAGE.newKeys), 'unexpected_message'],
  IGNORE: [chatter, 'open'],
}
for (const [name, [payload, wanted]] of Object.entries(DURING)) {
  test(`S1 T03: ${name} within a re-exchange: ${wanted}`, (t) => {
    const { victim, client } = rawClient()
    client.beginExchange()
    client.send(payload)
    t.is(victim.closings[0]?.reason ?? 'open', wanted)
    t.deepEqual(victim.packets, [])
  })
}

test('S1 T03: key exchange messages out of place after the keys are refused', (t) => {
  for (const type of [21, 30, 31, 29, 49]) {
    const { victim, client } = rawClient()
    client.send(message(type, writeString('x')))
    t.is(victim.closings[0]?.reason, 'unexpected_message', String(type))
  }
})

test('S1: without authentication only a few re-exchanges are paid for', (t) => {
  const { victim, client } = rawClient()
  for (let count = 0; count < 5 && victim.closings.length === 0; count++) client.exchangeKeys()
  t.is(victim.closings[0]?.reason, 'too_many_messages')
})

test('S1 T02: long packets are taken after SUCCESS only, and up to 256 KiB', (t) => {
  const long = data('x'.repeat(200_000))
  const early = joinPair(SERVER, CLIENT)
  early.settle()
  early.client.transport.send(long)
  early.settle()
  t.is(early.server.closings[0]?.reason, 'bad_packet_length')
  const late = joinPair(SERVER, CLIENT)
  late.settle()
  late.server.transport.send(message(MESSAGE.userAuthSuccess))
  late.settle()
  late.client.transport.send(long)
  late.server.transport.send(long)
  late.settle()
  t.deepEqual(late.server.packets, [long])
  t.deepEqual(late.client.packets.at(-1), long)
  late.client.transport.send(data('x'.repeat(270_000)))
  late.settle()
  t.is(late.server.closings[0]?.reason, 'bad_packet_length')
})

test('S1 T06: a peer that makes us answer and never reads is cut off, not stored', (t) => {
  const victim = makeVictim(SERVER, false)
  const client = new RawClient(victim)
  client.exchangeKeys()
  const ping = message(MESSAGE.ping, writeString(Buffer.alloc(32_000)))
  let sent = 0
  while (victim.closings.length === 0 && sent < 2000) {
    client.send(ping)
    sent++
  }
  t.is(victim.closings[0]?.reason, 'output_overflow')
  t.true(victim.transport.backlogged)
  t.true(sent < 600)
})

test('S1 T07: a peer that never answers our KEXINIT: what is held is bounded', (t) => {
  const pair = joinPair(SERVER, CLIENT, (bytes, from) =>
    isDeaf && from === 'server' ? [] : [bytes],
  )
  let isDeaf = false
  pair.settle()
  isDeaf = true
  pair.server.transport.rekey()
  for (let count = 0; count < 40; count++) pair.server.transport.send(data('x'.repeat(32_000)))
  t.true(pair.server.transport.backlogged)
  for (let count = 0; count < 600; count++) pair.server.transport.send(data('x'.repeat(32_000)))
  t.is(pair.server.closings[0]?.reason, 'output_overflow')
  t.is(pair.server.transport.outputBufferedBytes, 0)
})

test('S1 T07: a peer that goes on sending and never answers our KEXINIT is cut off', (t) => {
  const { victim, client } = rawClient()
  victim.transport.send(message(MESSAGE.userAuthSuccess))
  victim.transport.rekey()
  const bulk = data('x'.repeat(250_000))
  let octets = 0
  while (victim.closings.length === 0 && octets < 2 ** 28) {
    client.send(bulk)
    victim.packets.length = 0
    octets += bulk.length
  }
  t.is(victim.closings[0]?.reason, 'rekey_unanswered')
  t.true(octets > 2 ** 27 && octets < 2 ** 27 + 2 ** 20)
})

test('S1: backlogged turns true above 1 MiB and false, with one onDrain, below 256 KiB', (t) => {
  const victim = makeVictim(SERVER, false)
  new RawClient(victim).exchangeKeys()
  for (let count = 0; count < 33; count++) {
    t.false(victim.transport.backlogged)
    victim.transport.send(data('x'.repeat(32_000)))
  }
  t.true(victim.transport.backlogged)
  t.true(victim.transport.outputBufferedBytes > 2 ** 20)
  victim.transport.flush()
  for (const written of victim.unwritten.splice(0)) {
    t.is(victim.transport.backlogged, victim.transport.outputBufferedBytes >= 2 ** 18)
    written()
  }
  t.false(victim.transport.backlogged)
  t.is(victim.transport.outputBufferedBytes, 0)
  t.is(victim.drains.length, 1)
})

test('S1 T01: ChaCha20 without strict key exchange is refused', (t) => {
  const settings = { ...SERVER, algorithms: CLIENT_ALGORITHMS }
  const ciphers = ['chacha20-poly1305@openssh.com']
  t.is(fate([kexInit({ ciphers })], settings), 'open')
  t.is(
    fate([kexInit({ ciphers, kex: ['curve25519-sha256'] })], settings),
    'weak_without_strict_kex',
  )
  t.is(fate([kexInit({ ciphers })], { ...settings, binding: undefined }), 'no_common_algorithm')
})

test('S1: DISCONNECT is told with its words made harmless, and ends each side once', (t) => {
  const pair = joinPair(SERVER, CLIENT)
  pair.settle()
  pair.server.transport.disconnect(14, 'zt: no\u001b[2J\nroot')
  pair.server.transport.disconnect(2, 'again')
  pair.settle()
  pair.client.transport.connectionLost()
  t.deepEqual(pair.server.closings, [
    { reason: 'closed_by_us', code: 14, detail: 'zt: no?[2J?root' },
  ])
  t.deepEqual(pair.client.closings, [
    { reason: 'disconnected', code: 14, detail: 'zt: no?[2J?root' },
  ])
  pair.client.transport.send(data('x'))
  pair.client.transport.receive(Buffer.from('x'))
  t.true(pair.client.transport.closed)
})

test('S1: forwarded packets arrive unchanged between any two protections', (t) => {
  for (const [cipher, mac] of PROTECTIONS) {
    const far = joinPair(SERVER, CLIENT)
    const near = joinPair(protectedBy(SERVER, cipher, mac), protectedBy(CLIENT, cipher, mac))
    far.settle()
    near.settle()
    const sent = Array.from({ length: 40 }, (_, size) => data('x'.repeat(size)))
    for (const payload of sent) {
      const framed = clearPacket(payload).subarray(4)
      far.server.transport.forward({ type: MESSAGE.channelData, payload, framed })
      near.client.transport.forward({ type: MESSAGE.channelData, payload, framed })
    }
    far.settle()
    near.settle()
    t.deepEqual(far.client.packets, sent)
    t.deepEqual(near.server.packets, sent)
  }
})

test('S1 T13: the lists hold no SHA-1, CBC, plain groups, and NIST curves for FIPS only', (t) => {
  for (const lists of [SERVER_ALGORITHMS, CLIENT_ALGORITHMS, FIPS_ALGORITHMS]) {
    const names = Object.values(lists).flat().join(' ')
    t.notRegex(names, /sha1|cbc|md5|group|arcfour|3des|none/)
    t.is(/nistp/.test(names), lists === FIPS_ALGORITHMS)
  }
})

test('S1: the native binding of ssh2 is built here, so that it is what was tested', (t) => {
  t.not(binding, undefined)
})
