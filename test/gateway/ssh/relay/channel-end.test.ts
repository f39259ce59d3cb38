/** Channel ends of the gateway's own: windows, ends, and what no peer may do. */
import test from 'ava'
import fc from 'fast-check'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { OwnEnds } from '../../../../gateway/ssh/relay/own-ends.ts'
import { forwardsTo, relayRig } from '../../../support/relay-rig.ts'
import {
  channelData,
  channelOpen,
  channelRequest,
  fields,
  numbersMessage,
  openConfirmation,
} from '../../../support/ssh-messages.ts'

const OWN = 2 ** 31
const PEER = 5

function rig() {
  const ends = new OwnEnds()
  const sent: Buffer[] = []
  const told: string[] = []
  const tell = (name: string) => () => void told.push(name)
  const end = ends.make('user', (payload) => sent.push(Buffer.from(payload)), {
    onOpen: tell('open'),
    onRefused: tell('refused'),
    onData: (bytes) => void told.push(bytes.toString('latin1')),
    onEof: tell('eof'),
    onClosed: tell('closed'),
    onWindow: tell('window'),
  })
  return { ends, end, sent, told, take: (payload: Buffer) => ends.take('user', payload) }
}

function accepted(windowBytes = 10, packetBytes = 4) {
  const all = rig()
  all.end.accept({ sender: PEER, windowBytes, packetBytes })
  all.sent.length = 0
  return all
}

test('S7: an end that is taken says its number and window', (t) => {
  const { end, sent } = rig()
  end.accept({ sender: PEER, windowBytes: 10, packetBytes: 4 })
  t.deepEqual(sent, [numbersMessage(MESSAGE.channelOpenConfirmation, PEER, OWN, 2 ** 21, 2 ** 15)])
})

test('S7: what is sent keeps to the window and the longest message of the peer', (t) => {
  const { end, sent, take } = accepted()
  t.is(end.write(Buffer.from('0123456789abc')), 10)
  t.deepEqual(
    sent,
    ['0123', '4567', '89'].map((part) => channelData(PEER, part)),
  )
  t.is(end.write(Buffer.from('abc')), 0)
  take(numbersMessage(MESSAGE.channelWindowAdjust, OWN, 3))
  t.is(end.write(Buffer.from('abc')), 3)
})

test('S7: what was used is given back to the window of the peer, which may not pass it', (t) => {
  const { end, sent, take, told } = accepted()
  const chunk = channelData(OWN, Buffer.alloc(2 ** 20))
  t.deepEqual([take(chunk)?.kind, take(chunk)?.kind], ['drop', 'drop'])
  t.deepEqual(take(channelData(OWN, 'x')), { kind: 'end', reason: 'window_exceeded' })
  t.is(told.length, 2)
  end.consumed(2 ** 20)
  t.deepEqual(sent, [numbersMessage(MESSAGE.channelWindowAdjust, PEER, 2 ** 20)])
})

test('S7: both sides close once, and the number is never given again', (t) => {
  const { ends, end, sent, told, take } = accepted()
  end.eof()
  end.eof()
  take(numbersMessage(MESSAGE.channelEof, OWN))
  take(numbersMessage(MESSAGE.channelClose, OWN))
  end.close()
  t.deepEqual(told, ['eof', 'closed'])
  t.deepEqual(sent, [
    numbersMessage(MESSAGE.channelEof, PEER),
    numbersMessage(MESSAGE.channelClose, PEER),
  ])
  t.deepEqual(take(channelData(OWN, 'late')), { kind: 'end', reason: 'unknown_channel' })
  const ask = ends.make('target', (payload) => sent.push(payload), {
    ...{ onOpen() {}, onRefused() {}, onData() {}, onEof() {}, onClosed() {}, onWindow() {} },
  })
  ask.ask('direct-tcpip', fields('host', 22))
  t.is(sent.at(-1)?.readUInt32BE(5 + 'direct-tcpip'.length), OWN + 1)
})

test('S7: data that comes after our close is dropped, and requests fail', (t) => {
  const { end, sent, told, take } = accepted()
  take(channelRequest(OWN, 'exec', fields('id')))
  t.deepEqual(sent, [numbersMessage(MESSAGE.channelFailure, PEER)])
  end.close()
  t.is(take(channelData(OWN, 'late'))?.kind, 'drop')
  t.deepEqual(told, [])
  take(numbersMessage(MESSAGE.channelClose, OWN))
  t.deepEqual(told, ['closed'])
})

const breaches = {
  'data before the channel is open': [rig, channelData(OWN, 'x'), 'unexpected_message'],
  'a second confirmation': [accepted, openConfirmation(OWN, 9), 'unexpected_message'],
  'a window past 2^32 (T08)': [
    accepted,
    numbersMessage(MESSAGE.channelWindowAdjust, OWN, 2 ** 32 - 1),
    'window_overflow',
  ],
  'data shorter than it says': [
    accepted,
    channelData(OWN, 'xyz').subarray(0, -1),
    'malformed_message',
  ],
  'a number that was not given': [accepted, channelData(OWN + 7, 'x'), 'unknown_channel'],
} as const
for (const [title, [make, message, reason]] of Object.entries(breaches)) {
  test(`S7: ends on ${title}`, (t) => t.deepEqual(make().take(message), { kind: 'end', reason }))
}

test('S7: whatever comes, nothing throws, and no more is told than the window has', (t) => {
  const number = fc.constantFrom(OWN, OWN + 1, 3)
  const message = fc.oneof(
    fc.tuple(fc.integer({ min: 80, max: 101 }), number).map((n) => numbersMessage(...n)),
    fc.tuple(number, fc.integer({ max: 2 ** 20, min: 0 })).map(([n, size]) => {
      return channelData(n, Buffer.alloc(size))
    }),
    fc.uint8Array({ maxLength: 12 }).map((octets) => Buffer.from(octets)),
  )
  const property = fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
    const { take, told } = accepted()
    for (const one of messages) take(one)
    return told.join('').length <= 2 ** 21 + 100
  })
  t.notThrows(() => fc.assert(property, { numRuns: 100 }))
})

const direct = (sender: number, kind = 'direct-tcpip') =>
  channelOpen(sender, kind, fields('db2.corp', 22, '127.0.0.1', 4000))

test('S7: a direct connection is asked about as a way to another target where a jump is granted', (t) => {
  const { relay } = relayRig({ allow: ['jump'], localForward: forwardsTo('db2.corp:*') })
  t.like(relay.take('user', direct(3)), {
    kind: 'hop',
    target: { host: 'db2.corp', port: 22 },
    peer: { sender: 3, windowBytes: 2 ** 21, packetBytes: 2 ** 15 },
    isElseGranted: true,
  })
  t.is(relay.openPlain('user', direct(3)).kind, 'forward')
  const { relay: other } = relayRig({ allow: ['jump'] })
  t.like(other.take('user', direct(3)), { kind: 'hop', isElseGranted: false })
  t.is(relayRig({ allow: ['exec'] }).relay.take('user', direct(3)).kind, 'send')
})

test('S7: no peer may give a number of ours', (t) => {
  const { relay } = relayRig()
  t.deepEqual(relay.take('user', channelOpen(OWN)), { kind: 'end', reason: 'channel_reuse' })
  relay.take('user', channelOpen(3))
  const reused = relay.take('target', openConfirmation(3, OWN))
  // It is a message for an end of ours that is not there.
  t.deepEqual(reused, { kind: 'end', reason: 'channel_reuse' })
})
