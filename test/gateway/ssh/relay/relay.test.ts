import test from 'ava'
import fc from 'fast-check'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { DEFAULT_SSH_GRANT } from '../../../../gateway/policy/ssh-grant.ts'
import { Grants } from '../../../../gateway/ssh/relay/grants.ts'
import { SshRelay } from '../../../../gateway/ssh/relay/relay.ts'
import { DROP, FORWARD, type RelayAction } from '../../../../gateway/ssh/relay/relay-action.ts'
import type { Side } from '../../../../gateway/ssh/relay/side.ts'
import { openRelayRig, relayRig, TARGET, USER } from '../../../support/relay-rig.ts'
import {
  channelData,
  channelOpen,
  channelRequest,
  extendedData,
  fields,
  globalRequest,
  numbersMessage,
  openConfirmation,
} from '../../../support/ssh-messages.ts'

const RUNS = process.env['ZT_FULL'] ? 5000 : 200

test('S8: data of both sides passes and is told, standard error apart', (t) => {
  const { relay, data } = openRelayRig()
  t.deepEqual(relay.take('user', channelData(TARGET, 'ls\n')), FORWARD)
  t.deepEqual(relay.take('target', channelData(USER, 'a b')), FORWARD)
  t.deepEqual(relay.take('target', extendedData(USER, 'oops')), FORWARD)
  t.deepEqual(data, [
    [0, 'input', 'ls\n'],
    [0, 'output', 'a b'],
    [0, 'stderr', 'oops'],
  ])
})

test('S8: opening, end of input and closing are told', (t) => {
  const { relay, events } = relayRig()
  relay.take('user', channelOpen(USER))
  relay.take('target', openConfirmation(USER, TARGET))
  relay.take('user', numbersMessage(MESSAGE.channelEof, TARGET))
  relay.take('target', numbersMessage(MESSAGE.channelEof, USER))
  relay.take('target', numbersMessage(MESSAGE.channelClose, USER))
  relay.take('user', numbersMessage(MESSAGE.channelClose, TARGET))
  t.deepEqual(events, [
    { type: 'channel_opened', channel: 0, kind: 'session' },
    { type: 'eof', channel: 0, from: 'user' },
    { type: 'eof', channel: 0, from: 'target' },
    { type: 'channel_closed', channel: 0 },
  ])
})

test('S8: a connection that breaks closes its channels in the record', (t) => {
  const { relay, events } = openRelayRig()
  relay.end()
  t.deepEqual(events, [{ type: 'channel_closed', channel: 0 }])
})

test('S8: a number used again is another channel in the record', (t) => {
  const { relay, data } = openRelayRig()
  relay.take('user', numbersMessage(MESSAGE.channelClose, TARGET))
  relay.take('target', numbersMessage(MESSAGE.channelClose, USER))
  relay.take('user', channelOpen(USER))
  relay.take('target', openConfirmation(USER, TARGET))
  relay.take('user', channelData(TARGET, 'x'))
  t.deepEqual(data, [[1, 'input', 'x']])
})

test('S8: data in flight when the other side closed still passes', (t) => {
  const { relay } = openRelayRig()
  relay.take('target', numbersMessage(MESSAGE.channelClose, USER))
  t.deepEqual(relay.take('user', channelData(TARGET, 'late')), FORWARD)
})

/** A side, a message on the open channel, and how the connection ends. */
const breaches = {
  'data for a channel that is not there': ['user', channelData(9, 'x'), 'unknown_channel'],
  'a request for a channel that is not there': [
    'user',
    channelRequest(9, 'shell'),
    'unknown_channel',
  ],
  'close of a channel that is not there': [
    'target',
    numbersMessage(MESSAGE.channelClose, 9),
    'unknown_channel',
  ],
  'data longer than it says': [
    'user',
    Buffer.concat([channelData(TARGET, 'x'), Buffer.of(1)]),
    'malformed_message',
  ],
  'data shorter than it says': [
    'user',
    channelData(TARGET, 'xyz').subarray(0, -1),
    'malformed_message',
  ],
  'extended data from the user': ['user', extendedData(TARGET, 'x'), 'unexpected_message'],
  'a channel number in use': ['user', channelOpen(USER), 'channel_reuse'],
  'an exec without command': ['user', channelRequest(TARGET, 'exec'), 'malformed_message'],
  'an exec with more than a command': [
    'user',
    channelRequest(TARGET, 'exec', fields('id', 1)),
    'malformed_message',
  ],
  'a window that passes 2^32 (T08)': [
    'user',
    numbersMessage(MESSAGE.channelWindowAdjust, TARGET, 2 ** 32 - 1),
    'window_overflow',
  ],
  'key exchange messages': ['user', numbersMessage(101), 'unexpected_message'],
  'an empty message': ['user', Buffer.alloc(0), 'unexpected_message'],
} as const
for (const [title, [side, message, reason]] of Object.entries(breaches)) {
  test(`S5: ends on ${title}`, (t) => {
    const { relay, data } = openRelayRig()
    t.deepEqual(relay.take(side, message), { kind: 'end', reason })
    t.deepEqual(data, [])
  })
}

test('S5: ends when the target gives one number to two channels', (t) => {
  const { relay } = openRelayRig()
  relay.take('user', channelOpen(USER + 1))
  const action = relay.take('target', openConfirmation(USER + 1, TARGET))
  t.deepEqual(action, { kind: 'end', reason: 'channel_reuse' })
})

test('S5 T08: ends when a side sends more than its window; a window of zero included', (t) => {
  const { relay, data } = openRelayRig({ targetWindow: 4, userWindow: 0 })
  t.deepEqual(relay.take('user', channelData(TARGET, '1234')), FORWARD)
  const exceeded = { kind: 'end', reason: 'window_exceeded' }
  t.deepEqual(relay.take('user', channelData(TARGET, '5')), exceeded as RelayAction)
  t.deepEqual(relay.take('target', channelData(USER, '5')), exceeded as RelayAction)
  t.deepEqual(data, [[0, 'input', '1234']])
})

test('S5 T08: more than 4 GiB pass through one channel', (t) => {
  let passed = 0
  const relay = new SshRelay(new Grants([DEFAULT_SSH_GRANT]), {
    unrecorded: () => undefined,
    asking: () => undefined,
    data: (_channel, _stream, bytes) => {
      passed += bytes.length
    },
    event: () => undefined,
  })
  relay.take('user', channelOpen(USER, 'session', undefined, 0))
  relay.take('target', openConfirmation(USER, TARGET))
  const chunk = channelData(USER, Buffer.alloc(2 ** 20))
  const adjust = numbersMessage(MESSAGE.channelWindowAdjust, TARGET, 2 ** 20)
  const exchange = () => [relay.take('user', adjust).kind, relay.take('target', chunk).kind]
  const ends = Array.from({ length: 4097 }, exchange).flat()
  t.true(ends.every((kind) => kind === 'forward'))
  t.is(passed, 4097 * 2 ** 20)
  t.is(relay.take('target', chunk).kind, 'end')
})

test('S5 T06: replies that nobody waits for go no further', (t) => {
  const { relay } = openRelayRig()
  const unasked: readonly (readonly [Side, Buffer])[] = [
    ['user', numbersMessage(MESSAGE.requestSuccess)],
    ['target', numbersMessage(MESSAGE.requestFailure)],
    ['target', numbersMessage(MESSAGE.channelSuccess, USER)],
    ['user', numbersMessage(MESSAGE.channelFailure, TARGET)],
    ['target', numbersMessage(MESSAGE.channelSuccess, 99)],
    ['user', openConfirmation(TARGET, 5)],
    ['target', openConfirmation(99, 5)],
    ['target', numbersMessage(MESSAGE.channelOpenFailure, 99, 1)],
    ['user', numbersMessage(MESSAGE.channelWindowAdjust, 99, 1)],
    ['user', numbersMessage(MESSAGE.userAuthRequest)],
  ]
  for (const [side, message] of unasked) t.deepEqual(relay.take(side, message), DROP)
})

test('S5 T06: each reply that is due passes, once', (t) => {
  const { relay } = openRelayRig()
  relay.take('user', channelRequest(TARGET, 'keepalive@openssh.com'))
  relay.take('user', channelRequest(TARGET, 'refused-one'))
  relay.take('user', channelRequest(TARGET, 'eow@openssh.com', undefined, false))
  const reply = numbersMessage(MESSAGE.channelFailure, USER)
  t.deepEqual(
    [1, 2, 3].map(() => relay.take('target', reply).kind),
    ['forward', 'forward', 'drop'],
  )
  relay.take('target', channelRequest(USER, 'keepalive@openssh.com'))
  relay.take('target', globalRequest('keepalive@openssh.com'))
  relay.take('user', globalRequest('tcpip-forward', fields('', 1)))
  const failure = numbersMessage(MESSAGE.requestFailure)
  const back = numbersMessage(MESSAGE.channelFailure, TARGET)
  t.deepEqual(
    [1, 2].map(() => relay.take('user', back).kind),
    ['forward', 'drop'],
  )
  t.deepEqual(
    [1, 2].map(() => relay.take('user', failure).kind),
    ['forward', 'drop'],
  )
  t.deepEqual(
    [1, 2].map(() => relay.take('target', failure).kind),
    ['forward', 'drop'],
  )
})

test('S5: ends when a thousand replies are due', (t) => {
  const { relay } = openRelayRig()
  const ask = channelRequest(TARGET, 'keepalive@openssh.com')
  for (let asked = 0; asked < 1024; asked++) t.is(relay.take('user', ask).kind, 'forward')
  t.deepEqual(relay.take('user', ask), { kind: 'end', reason: 'too_many_unanswered' })
})

test('S5: one program per channel; another only when the first failed', (t) => {
  const { relay, events } = openRelayRig()
  const sftp = channelRequest(TARGET, 'subsystem', fields('sftp'))
  const exec = channelRequest(TARGET, 'exec', fields('sftp-server'))
  t.is(relay.take('user', sftp).kind, 'forward')
  t.is(relay.take('user', exec).kind, 'send')
  t.like(events.at(-1), { type: 'refused', reason: 'second_program' })
  relay.take('target', numbersMessage(MESSAGE.channelFailure, USER))
  t.is(relay.take('user', exec).kind, 'forward')
})

test('S5 T09: 1e5 channels opened and refused leave nothing behind', (t) => {
  const { relay } = relayRig()
  for (let round = 0; round < 1e5; round++) {
    relay.take('user', channelOpen(round % 7))
    relay.take('target', numbersMessage(MESSAGE.channelOpenFailure, round % 7, 1))
  }
  t.deepEqual(relay.take('user', channelOpen(0)), FORWARD)
})

test('S5 T07: channels are bounded: the 257th is refused for lack of resources', (t) => {
  const { relay } = relayRig()
  for (let sender = 0; sender < 256; sender++) {
    t.deepEqual(relay.take('user', channelOpen(sender)), FORWARD)
  }
  const action = relay.take('user', channelOpen(256))
  t.is(action.kind === 'send' ? action.messages[0]?.payload.readUInt32BE(5) : 0, 4)
})

/** Messages that mostly belong to few channels, so that random sequences get somewhere. */
const number = fc.integer({ min: 0, max: 3 })
const bytes = fc.uint8Array({ maxLength: 40 })
const requestName = fc.constantFrom('shell', 'exec', 'subsystem', 'pty-req', 'env', 'x11-req', 'no')
const someFields = fc.constantFrom(fields(), fields('sftp'), fields('LANG', 'C'))
const message = fc.oneof(
  fc.tuple(number, fc.constantFrom('session', 'direct-tcpip')).map(([n, k]) => channelOpen(n, k)),
  fc.tuple(number, number).map(([a, b]) => openConfirmation(a, b, 200)),
  fc.tuple(number, bytes).map(([n, octets]) => channelData(n, octets)),
  fc.tuple(number, bytes).map(([n, octets]) => extendedData(n, octets)),
  fc
    .tuple(number, requestName, someFields, fc.boolean())
    .map(([n, name, rest, want]) => channelRequest(n, name, rest, want)),
  fc.tuple(fc.integer({ min: 80, max: 101 }), number, number).map((n) => numbersMessage(...n)),
  bytes.map((octets) => Buffer.from(octets)),
)

/** The octets of a data message; none of any other. */
function dataOf(payload: Buffer): string[] {
  const header = { 94: 9, 95: 13 }[payload[0] ?? 0]
  return header === undefined ? [] : [payload.subarray(header).toString('latin1')]
}
const sequence = fc.array(fc.tuple(fc.constantFrom<Side>('user', 'target'), message), {
  maxLength: 60,
})

test('S8 T60: whatever comes, nothing throws, and data is told exactly when it is forwarded', (t) => {
  const property = fc.property(sequence, (messages) => {
    const { relay, data } = relayRig()
    const forwarded = messages.flatMap(([side, payload]) => {
      const { kind } = relay.take(side, payload)
      return kind === 'forward' ? dataOf(payload) : []
    })
    relay.end()
    return JSON.stringify(forwarded) === JSON.stringify(data.map(([, , octets]) => octets))
  })
  t.notThrows(() => fc.assert(property, { numRuns: RUNS * 5 }))
})

test('S5: a refused message is never forwarded as it was, whatever its fields', (t) => {
  const property = fc.property(fc.string(), bytes, fc.boolean(), (name, rest, want) => {
    const { relay } = openRelayRig()
    const action = relay.take('user', channelRequest(TARGET, name, Buffer.from(rest), want))
    return action.kind === 'send' || action.kind === 'end'
  })
  t.notThrows(() => fc.assert(property, { numRuns: RUNS }))
})
