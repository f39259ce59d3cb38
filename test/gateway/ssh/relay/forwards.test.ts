/** Forwardings in the relay core: what is granted passes, is counted and told; what was not asked for is refused. */
import test from 'ava'
import fc from 'fast-check'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { writeBoolean } from '#lib/ssh/writer'
import type { SshGrant } from '../../../../gateway/policy/ssh-grant.ts'
import { FORWARD, send } from '../../../../gateway/ssh/relay/relay-action.ts'
import type { Side } from '../../../../gateway/ssh/relay/side.ts'
import { forwardsTo, openRelayRig, type RelayRig, relayRig } from '../../../support/relay-rig.ts'
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

const ANY = { localForward: forwardsTo('*:*', 'unix:/run/*') }
const direct = (host: string, port: number) => fields(host, port, '127.0.0.1', 4000)
/** A direct connection that is open: 3 at the user, 7 at the target. */
function openDirect(grant: Partial<SshGrant> = {}): RelayRig {
  const rig = relayRig({ ...ANY, ...grant })
  rig.relay.take('user', channelOpen(3, 'direct-tcpip', direct('10.0.0.5', 5432)))
  rig.relay.take('target', openConfirmation(3, 7))
  return rig
}

/** Rule, destination, whether it passes. */
const destinations: readonly (readonly [string, string, number, boolean])[] = [
  ['10.0.0.5:5432', '10.0.0.5', 5432, true],
  ['10.0.0.5:5432', '10.0.0.5', 5433, false],
  ['10.0.0.5:5432', '10.0.0.50', 5432, false],
  ['10.0.0.0/8:*', '10.9.9.9', 1, true],
  ['10.0.0.0/8:*', '::ffff:10.9.9.9', 1, true],
  ['10.0.0.0/8:*', '10.1', 1, false],
  ['*.corp:443', 'wiki.corp', 443, true],
  ['*.corp:443', 'WIKI.corp.', 443, true],
  ['*.corp:443', 'corp', 443, false],
  ['*.corp:443', 'wiki.corp.evil.example', 443, false],
  ['localhost:80', 'localhost', 80, true],
  ['localhost:80', '127.0.0.1', 80, false],
  ['127.0.0.1:80', 'localhost', 80, false],
  ['*:443', 'anything at all', 443, true],
  ['*:*', '169.254.169.254', 70_000, false],
  ['[2001:db8::/32]:22', '2001:db8::1', 22, true],
]
for (const [rule, host, port, passes] of destinations) {
  test(`S5 T40 T42: ${rule} ${passes ? 'covers' : 'does not cover'} ${host}:${port}`, (t) => {
    const { relay, events } = relayRig({ localForward: forwardsTo(rule) })
    const action = relay.take('user', channelOpen(3, 'direct-tcpip', direct(host, port)))
    const words = Buffer.concat([Buffer.of(92), fields(3, 1, 'open failed', '')])
    t.deepEqual(action, passes ? FORWARD : send('user', words))
    t.is(events.length, passes ? 0 : 1)
  })
}

const sockets: readonly (readonly [string, string, boolean])[] = [
  ['unix:/run/app.sock', '/run/app.sock', true],
  ['unix:/run/app.sock', '/run/app.sock2', false],
  ['unix:/run/app/*.sock', '/run/app/a.sock', true],
  ['unix:/run/app/*', '/run/app/../docker.sock', false],
  ['unix:/run/app/*', '/run/app/./x', false],
  ['unix:/run/app/*', '/run/app/x\0', false],
  ['unix:/run/app/*', 'run/app/x', false],
]
for (const [rule, path, passes] of sockets) {
  test(`S5 T40: ${rule} ${passes ? 'covers' : 'does not cover'} ${JSON.stringify(path)}`, (t) => {
    const { relay } = relayRig({ localForward: forwardsTo(rule) })
    const open = channelOpen(3, 'direct-streamlocal@openssh.com', fields(path, '', 0))
    t.is(relay.take('user', open).kind, passes ? 'forward' : 'send')
  })
}

test('S5: a forwarding is told with its destination and how much passed, and its content is not', (t) => {
  const { relay, events, data, unrecorded } = openDirect()
  t.deepEqual(relay.take('user', channelData(7, 'query')), FORWARD)
  t.deepEqual(relay.take('target', channelData(3, 'rows!!')), FORWARD)
  relay.end()
  t.deepEqual(data, [])
  t.deepEqual(unrecorded, [5, 6])
  t.deepEqual(events, [
    { type: 'channel_opened', channel: 0, kind: 'direct-tcpip' },
    { type: 'forward_opened', channel: 0, kind: 'direct-tcpip', target: '10.0.0.5:5432' },
    { type: 'forward_closed', channel: 0, fromUserBytes: 5, fromTargetBytes: 6 },
    { type: 'channel_closed', channel: 0 },
  ])
})

test('S5 T60: where forwardings are recorded, both directions are told', (t) => {
  const { relay, data } = openDirect({ recordForwards: true })
  relay.take('user', channelData(7, 'query'))
  relay.take('target', channelData(3, 'rows'))
  t.deepEqual(data, [
    [0, 'input', 'query'],
    [0, 'output', 'rows'],
  ])
})

test('S5: no program runs in a forwarding, and nothing is extended data there', (t) => {
  const { relay, events } = openDirect()
  t.is(relay.take('user', channelRequest(7, 'exec', fields('id'))).kind, 'send')
  t.like(events.at(-1), { type: 'refused', what: 'exec', reason: 'unknown_type' })
  t.deepEqual(relay.take('target', extendedData(3, 'x')), {
    kind: 'end',
    reason: 'unexpected_message',
  })
})

const listen = { remoteForward: forwardsTo('localhost:8080-8090', '*:9000', 'unix:/tmp/*') }
const forwarded = (sender: number, address: string, port: number) =>
  channelOpen(sender, 'forwarded-tcpip', fields(address, port, '10.0.0.1', 90))

test('S5 T44: the target opens channels of a listener only while it was asked for', (t) => {
  const { relay, events } = relayRig(listen)
  t.is(relay.take('target', forwarded(1, 'localhost', 8080)).kind, 'send')
  t.deepEqual(
    relay.take('user', globalRequest('tcpip-forward', fields('localhost', 8080))),
    FORWARD,
  )
  // Not yet: the target has not said that it listens.
  t.is(relay.take('target', forwarded(1, 'localhost', 8080)).kind, 'send')
  t.deepEqual(relay.take('target', numbersMessage(MESSAGE.requestSuccess)), FORWARD)
  t.deepEqual(relay.take('target', forwarded(1, 'localhost', 8080)), FORWARD)
  t.is(relay.take('target', forwarded(2, 'localhost', 8081)).kind, 'send')
  t.deepEqual(relay.take('user', openConfirmation(1, 5)), FORWARD)
  t.deepEqual(relay.take('target', channelData(5, 'in')), FORWARD)
  const cancel = globalRequest('cancel-tcpip-forward', fields('localhost', 8080))
  t.deepEqual(relay.take('user', cancel), FORWARD)
  t.is(relay.take('target', forwarded(3, 'localhost', 8080)).kind, 'send')
  t.deepEqual(
    events.filter(({ type }) => type.startsWith('forward_')),
    [
      { type: 'forward_requested', channel: -1, kind: 'tcpip-forward', target: 'localhost:8080' },
      { type: 'forward_opened', channel: 0, kind: 'forwarded-tcpip', target: 'localhost:8080' },
    ],
  )
})

test('S5 T44: a listener that the target refused opens nothing', (t) => {
  const { relay } = relayRig(listen)
  relay.take('user', globalRequest('tcpip-forward', fields('localhost', 8080)))
  relay.take('target', numbersMessage(MESSAGE.requestFailure))
  t.is(relay.take('target', forwarded(1, 'localhost', 8080)).kind, 'send')
})

test('S5 T44: for port 0 the port of the reply counts; a rule on all ports is needed', (t) => {
  const some = relayRig(listen).relay
  t.is(some.take('user', globalRequest('tcpip-forward', fields('localhost', 0))).kind, 'send')
  const { relay } = relayRig({ remoteForward: forwardsTo('localhost:*') })
  // Replies come in the order of the requests, refused ones among them.
  relay.take('user', globalRequest('tcpip-forward', fields('0.0.0.0', 1)))
  t.deepEqual(relay.take('user', globalRequest('tcpip-forward', fields('localhost', 0))), FORWARD)
  relay.take('target', numbersMessage(MESSAGE.requestFailure))
  relay.take('target', numbersMessage(MESSAGE.requestSuccess, 40_000))
  t.deepEqual(relay.take('target', forwarded(1, 'localhost', 40_000)), FORWARD)
  t.is(relay.take('target', forwarded(2, 'localhost', 0)).kind, 'send')
})

test('S5 T44: an address that the rules do not name is refused, whatever the port', (t) => {
  for (const address of ['', '0.0.0.0', '::', '127.0.0.1', '*']) {
    const { relay } = relayRig(listen)
    const ask = (port: number) => globalRequest('tcpip-forward', fields(address, port))
    t.is(relay.take('user', ask(8080)).kind, 'send')
    t.is(relay.take('user', ask(9000)).kind, 'forward')
  }
})

test('S5 T40 T44: sockets at the target, by their path', (t) => {
  const { relay } = relayRig(listen)
  const name = 'streamlocal-forward@openssh.com'
  t.is(relay.take('user', globalRequest(name, fields('/run/x'))).kind, 'send')
  relay.take('user', globalRequest(name, fields('/tmp/x')))
  relay.take('target', numbersMessage(MESSAGE.requestFailure))
  relay.take('target', numbersMessage(MESSAGE.requestSuccess))
  const open = (sender: number, path: string) =>
    channelOpen(sender, 'forwarded-streamlocal@openssh.com', fields(path, ''))
  t.deepEqual(relay.take('target', open(1, '/tmp/x')), FORWARD)
  t.is(relay.take('target', open(2, '/tmp/y')).kind, 'send')
})

const X11 = Buffer.concat([writeBoolean(false), fields('MIT-MAGIC-COOKIE-1', 'secretcookie', 0)])
for (const [verb, request, rest, kind] of [
  ['agent', 'auth-agent-req@openssh.com', fields(), 'auth-agent@openssh.com'],
  ['x11', 'x11-req', X11, 'x11'],
] as const) {
  test(`S5 T40: ${verb}: only after it was granted and asked for, and never recorded`, (t) => {
    const { relay, events, data, unrecorded } = openRelayRig({
      grant: { allow: [verb], recordForwards: true },
    })
    const open = channelOpen(9, kind, fields('10.0.0.1', 6010))
    t.is(relay.take('target', open).kind, 'send')
    t.deepEqual(relay.take('user', channelRequest(7, request, rest)), FORWARD)
    t.deepEqual(relay.take('target', open), FORWARD)
    relay.take('user', openConfirmation(9, 4))
    t.deepEqual(relay.take('target', channelData(4, 'sign this')), FORWARD)
    t.deepEqual(data, [])
    t.deepEqual(unrecorded, [9])
    t.like(events.at(-1), { type: 'forward_opened', kind })
    t.false(JSON.stringify(events).includes('secretcookie'))
  })

  test(`S5 T42: SSH inside a channel of ${kind} is ended before it passes, too`, (t) => {
    const { relay, events } = openRelayRig({ grant: { allow: [verb] } })
    relay.take('user', channelRequest(7, request, rest))
    relay.take('target', channelOpen(9, kind, fields('10.0.0.1', 6010)))
    relay.take('user', openConfirmation(9, 4))
    t.is(relay.take('target', channelData(4, 'SSH-2.0-x')).kind, 'send')
    t.like(events.at(-1), { type: 'refused', reason: 'nested_ssh' })
  })
}

for (const first of ['user', 'target'] as const) {
  test(`S5 T42: SSH inside a forwarding, begun by the ${first}, is ended before it passes`, (t) => {
    const { relay, events, unrecorded } = openDirect()
    const data = (text: string) => channelData(first === 'user' ? 7 : 3, text)
    t.deepEqual(relay.take(first, data('SS')), FORWARD)
    t.deepEqual(relay.take(first, data('H-2.0-x')), {
      kind: 'send',
      messages: [
        { to: 'target', payload: numbersMessage(MESSAGE.channelEof, 7) },
        { to: 'user', payload: numbersMessage(MESSAGE.channelEof, 3) },
      ],
    })
    t.like(events.at(-1), { type: 'refused', channel: 0, what: 'ssh', reason: 'nested_ssh' })
    t.is(relay.take('user', channelData(7, 'more')).kind, 'drop')
    t.is(relay.take('target', channelData(3, 'more')).kind, 'drop')
    t.is(relay.take('user', numbersMessage(MESSAGE.channelEof, 7)).kind, 'drop')
    t.deepEqual(unrecorded, [2])
    // The ends close it themselves.
    t.is(relay.take('user', numbersMessage(MESSAGE.channelClose, 7)).kind, 'forward')
    t.is(relay.take('target', numbersMessage(MESSAGE.channelClose, 3)).kind, 'forward')
    t.like(events.at(-1), { type: 'channel_closed', channel: 0 })
  })
}

test('S5: SSH that may pass unseen is flagged, once', (t) => {
  const { relay, events } = openDirect({ nested: 'opaque' })
  t.deepEqual(relay.take('target', channelData(3, 'SSH-2.0-host2\r\n')), FORWARD)
  t.deepEqual(relay.take('user', channelData(7, 'SSH-2.0-x\r\n')), FORWARD)
  t.is(events.filter(({ type }) => type === 'nested_opaque').length, 1)
})

test('S5: what only looks like SSH passes, in any split', (t) => {
  const property = fc.property(fc.array(fc.string({ maxLength: 3 })), (texts) => {
    const { relay } = openDirect()
    const whole = texts.join('')
    const kinds = texts.map((text) => relay.take('user', channelData(7, text)).kind)
    const octets = Buffer.from(whole).subarray(0, 4).toString('latin1')
    return kinds.includes('send') === (octets === 'SSH-')
  })
  t.notThrows(() => fc.assert(property, { examples: [[['S', 'SH', '-2']], [['SSHX']]] }))
})

const number = fc.integer({ min: 0, max: 3 })
const words = fc.constantFrom('', 'S', 'SSH-', 'abc')
const kinds = [
  'direct-tcpip',
  'forwarded-tcpip',
  'x11',
  'auth-agent@openssh.com',
  'session',
] as const
const message = fc.oneof(
  fc
    .tuple(number, fc.constantFrom(...kinds))
    .map(([sender, kind]) => channelOpen(sender, kind, direct('localhost', 8080))),
  fc.tuple(number, number).map(([a, b]) => openConfirmation(a, b, 50)),
  fc.tuple(number, words).map(([recipient, text]) => channelData(recipient, text)),
  fc.constant(globalRequest('tcpip-forward', fields('localhost', 8080))),
  fc.tuple(number, fc.constantFrom('auth-agent-req@openssh.com', 'shell')).map(([n, name]) => {
    return channelRequest(n, name)
  }),
  fc.tuple(fc.integer({ min: 80, max: 101 }), number).map((n) => numbersMessage(...n)),
)
const turns = fc.array(fc.tuple(fc.constantFrom<Side>('user', 'target'), message), {
  maxLength: 80,
})
const RUNS = process.env['ZT_FULL'] ? 5000 : 300

test('S8 T60: whatever comes, nothing throws, and each octet of data is told or counted exactly when it is forwarded', (t) => {
  const grant = { ...ANY, ...listen, allow: ['agent', 'x11', 'shell'] as const }
  const property = fc.property(turns, (messages) => {
    const { relay, data, unrecorded } = relayRig(grant)
    let passed = 0
    for (const [side, payload] of messages) {
      const { kind } = relay.take(side, payload)
      if (kind === 'forward' && payload[0] === MESSAGE.channelData) passed += payload.length - 9
    }
    relay.end()
    const told = data.reduce((sum, [, , octets]) => sum + octets.length, 0)
    return told + unrecorded.reduce((sum, octets) => sum + octets, 0) === passed
  })
  t.notThrows(() => fc.assert(property, { numRuns: RUNS }))
})
