import test from 'ava'
import fc from 'fast-check'
import {
  type ControlDecoder,
  createDaemonDecoder,
  createGatewayDecoder,
  DAEMON_LINE_LIMIT,
  encodeControlMessage,
} from '#lib/wire/control-codec'
import type { DaemonMessage, GatewayMessage } from '#lib/wire/control-message'
import type { PostureObservation } from '#lib/wire/posture-message'

const RUNS = process.env['ZT_FULL'] === undefined ? 200 : 20_000

/** Feeds `bytes` in pieces of the given sizes, the rest in one. */
function decodeSplit<M>(decoder: ControlDecoder<M>, bytes: Uint8Array, sizes: readonly number[]) {
  const incoming: unknown[] = []
  let error: string | undefined
  let rest = bytes
  for (const size of [...sizes, bytes.length]) {
    const decoded = decoder.push(rest.subarray(0, size))
    incoming.push(...decoded.incoming)
    error ??= decoded.error?.reason
    rest = rest.subarray(size)
  }
  return { incoming, error }
}

const decodeText = (text: string) => decodeSplit(createDaemonDecoder(), Buffer.from(text), [])

const hello: DaemonMessage = { type: 'hello', seq: 1, id: 'a', versions: { min: 1, max: 1 } }
const explain: DaemonMessage = { type: 'explain', seq: 2, id: 'b', host: 'wiki\n', port: 443 }

const settings = {
  domains: ['corp'],
  prefixes: [],
  others: 'direct',
  sshHostAuthorities: [],
  postureRequests: [],
} as const
const explanation = {
  host: 'wiki',
  port: 443,
  verdict: 'denial',
  reason: 'no_application',
  sentence: 'No.',
  remedy: 'Ask.',
  steps: [
    { step: 'application', outcome: 'failed' },
    { step: 'policy', outcome: 'not_reached', detail: '' },
  ],
} as const
const fromGateway: readonly GatewayMessage[] = [
  { type: 'welcome', seq: 1, id: 'a', version: 1, deviceId: 'd', userEmail: 'a@b', settings },
  {
    ...{ type: 'settings', seq: 2, id: 'b' },
    settings: {
      ...settings,
      synthetic: { v4: '10.99.0.0/16' },
      lockdown: true,
      captivePortalMs: 90_000,
    },
  },
  { type: 'explanation', seq: 3, id: 'c', explanation },
  { type: 'applications', seq: 4, id: 'd', applications: [{ name: 'x', destinations: ['y:1'] }] },
  { type: 'notice', seq: 5, id: 'e', reason: 'device_duplicate', sentence: 's' },
  {
    ...{ type: 'authentication_required', seq: 6, id: 'p', promptId: 'x'.repeat(22) },
    ...{ application: 'wiki', host: 'wiki', port: 443, remedy: 'login', reason: 'session_expired' },
    ...{ url: 'https://login.example.com/prompt/x', expiresAtMs: 1 },
  },
  { type: 'prompt_ended', seq: 7, id: 'p', promptId: 'x'.repeat(22), outcome: 'satisfied' },
  { type: 'unsupported', seq: 8, id: 'f', got: 'dance' },
  { type: 'refused', seq: 9, id: 'g', reason: 'too_many_questions' },
  {
    ...{ type: 'posture_results', seq: 10, id: 'p' },
    results: [{ name: 'agent', passed: true, detail: 'As expected.', validForMs: 1000 }],
  },
]

test('control codec: every message of a gateway survives the wire', (t) => {
  const bytes = Buffer.from(fromGateway.map(encodeControlMessage).join(''))
  const { incoming, error } = decodeSplit(createGatewayDecoder(), bytes, [])
  t.is(error, undefined)
  t.deepEqual(
    incoming,
    fromGateway.map((message) => ({ kind: 'message', message })),
  )
})

const findings: readonly PostureObservation['found'][] = [
  { kind: 'os_version', versions: { debian: '12', linux: '6.1.0' } },
  { kind: 'disk_encryption', mounts: [{ mount: '/', encrypted: true }] },
  { kind: 'firewall', enabled: true, by: 'nftables' },
  { kind: 'file', exists: true, resolved: '/a', sha256: 'a'.repeat(64) },
  { kind: 'process', running: [{ path: '/a' }] },
  { kind: 'client_version', version: '1' },
  { kind: 'sshd_config', value: 'no', by: 'sshd -T' },
  { kind: 'domain_join', domains: ['corp.example'] },
  { kind: 'serial', serial: 'A' },
  { kind: 'none', reason: 'unreadable', detail: 'EACCES' },
]

test('D10 control codec: every finding of a device survives the wire', (t) => {
  const observations = findings.map((found) => ({
    ...{ name: 'it', kind: found.kind, lookAt: [], observedAgoMs: 0, found },
  }))
  const message: DaemonMessage = { type: 'posture', seq: 1, id: 'p', observations }
  const { incoming, error } = decodeText(encodeControlMessage(message))
  t.is(error, undefined)
  t.deepEqual(incoming, [{ kind: 'message', message }])
})

test('control codec: an unknown type is handed on with its id, and the stream lives', (t) => {
  const { incoming, error } = decodeText(
    `${JSON.stringify({ type: 'dance', seq: 1, id: 'q', any: [1] })}\n${encodeControlMessage(explain)}`,
  )
  t.is(error, undefined)
  t.deepEqual(incoming, [
    { kind: 'unknown_type', id: 'q', got: 'dance' },
    { kind: 'message', message: explain },
  ])
})

const line = (message: unknown) => `${JSON.stringify(message)}\n`
const refused: Record<string, readonly [string, string]> = {
  'an unknown key in a known type': [line({ ...hello, extra: 1 }), 'bad_message'],
  'an unknown key deeper down': [
    line({ ...hello, versions: { min: 1, max: 1, best: 1 } }),
    'bad_message',
  ],
  'a missing key': [line({ type: 'hello', seq: 1, id: 'a' }), 'bad_message'],
  'a missing id, even of an unknown type': [line({ type: 'dance', seq: 1 }), 'bad_message'],
  'a port out of range': [line({ ...explain, seq: 1, port: 65536 }), 'bad_message'],
  'port 0 over TCP': [line({ ...explain, seq: 1, port: 0 }), 'bad_message'],
  'port 0 over UDP': [line({ ...explain, seq: 1, port: 0, transport: 'udp' }), 'bad_message'],
  'a port of a ping': [line({ ...explain, seq: 1, transport: 'icmp' }), 'bad_message'],
  'a first seq that is not 1': [line({ ...hello, seq: 2 }), 'bad_sequence'],
  'a repeated seq': [line(hello) + line(hello), 'bad_sequence'],
  'a gap in seq': [line(hello) + line({ ...explain, seq: 3 }), 'bad_sequence'],
  'what is not JSON': ['{\n', 'bad_json'],
  'an empty line': ['\n', 'bad_json'],
  'JSON that is no object': ['[]\n', 'bad_message'],
  'a gateway message sent by a daemon': [
    line({ type: 'hello', seq: 1, id: 'a', settings }),
    'bad_message',
  ],
  'a line over the limit (T123)': [`"${'x'.repeat(DAEMON_LINE_LIMIT)}"\n`, 'line_too_long'],
  'a line over the limit that never ends (T123)': [
    'x'.repeat(DAEMON_LINE_LIMIT + 1),
    'line_too_long',
  ],
}
for (const [title, [text, reason]] of Object.entries(refused)) {
  test(`control codec: refuses ${title}`, (t) => t.is(decodeText(text).error, reason))
}

test('control codec: refuses octets that are not UTF-8', (t) => {
  const bytes = Buffer.concat([Buffer.from('{"type":"'), Buffer.of(0xff), Buffer.from('"}\n')])
  t.is(decodeSplit(createDaemonDecoder(), bytes, []).error, 'bad_json')
})

test('control codec: a dead decoder gives nothing more', (t) => {
  const decoder = createDaemonDecoder()
  decoder.push(Buffer.from('{\n'))
  const after = decoder.push(Buffer.from(line(hello)))
  t.deepEqual(after.incoming, [])
  t.is(after.error?.reason, 'bad_json')
})

const wireText = fc.array(
  fc.oneof(
    fc.constantFrom(line(hello), line(explain), line({ type: 'x', seq: 3, id: 'z' }), '\n', '{"a'),
    fc.string(),
    fc.json().map((json) => `${json}\n`),
  ),
)
test('control codec: never throws, and any split gives the same', (t) => {
  const same = fc.property(wireText, fc.array(fc.nat(40)), (texts, sizes) => {
    const bytes = Buffer.from(texts.join(''))
    const whole = decodeSplit(createDaemonDecoder(), bytes, [])
    const split = decodeSplit(createDaemonDecoder(), bytes, sizes)
    t.deepEqual(split, whole)
  })
  t.notThrows(() => fc.assert(same, { numRuns: RUNS }))
})
