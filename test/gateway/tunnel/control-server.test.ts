import { once } from 'node:events'
import { Duplex } from 'node:stream'
import test from 'ava'
import {
  type ControlServerDeps,
  createControlServer,
} from '../../../gateway/tunnel/control-server.ts'
import type { TunnelPeer } from '../../../gateway/tunnel/incoming.ts'
import { ok } from '../../../lib/result.ts'
import type { DeviceSettings } from '../../../lib/wire/control-message.ts'
import { onlySubject } from '../../support/sample-facts.ts'
import { memoryLog } from '../../support/tunnel.ts'

const user = {
  id: 'user-1',
  provider: 'corp',
  providerSubject: '1',
  email: 'demo@example.com',
  name: 'Demo',
  groups: [],
  claims: {},
  lastLoginAtMs: 0,
}
const device = {
  id: 'device-1',
  userId: user.id,
  name: 'laptop',
  keySha256: 'aa',
  enrolledAtMs: 0,
  login: { atMs: 0 },
}
const peer: TunnelPeer = {
  leaf: { deviceId: device.id, keySha256: 'aa', notAfterMs: 1 },
  sourceAddress: '192.0.2.1',
  admitted: () => ok(device),
}

const SETTINGS: DeviceSettings = {
  ...{ domains: [], prefixes: [], others: 'direct' },
  ...{ sshHostAuthorities: [], postureRequests: [] },
}

/** A stream whose written lines come out parsed. @param reads whether the other end takes more than the first. */
function streamPair(reads: boolean) {
  const lines: { type: string; id: string; seq: number; reason?: string }[] = []
  const stream = new Duplex({
    read: () => undefined,
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      if (reads) done()
    },
  })
  return { stream, lines }
}

function serve(sent: readonly unknown[], change: Partial<ControlServerDeps> = {}, reads = true) {
  const server = createControlServer({
    standing: onlySubject,
    user: () => user,
    settings: () => SETTINGS,
    explain: () => new Promise(() => undefined),
    reportPosture: () => [],
    applications: () => [],
    prompts: () => [],
    checkpoint: () => undefined,
    auditProof: () => undefined,
    log: memoryLog(),
    ...change,
  })
  const { stream, lines } = streamPair(reads)
  server.onControl(peer, stream)
  for (const one of sent) stream.push(typeof one === 'string' ? one : `${JSON.stringify(one)}\n`)
  return { stream, lines, server }
}

const hello = { type: 'hello', seq: 1, id: 'h', versions: { min: 1, max: 1 } }
const explain = (seq: number) => ({ type: 'explain', seq, id: `e${seq}`, host: 'wiki', port: 443 })

test('control: an unknown type is answered with its id, and the stream goes on', async (t) => {
  const { stream, lines } = serve([
    hello,
    { type: 'dance', seq: 2, id: 'd' },
    { type: 'list_applications', seq: 3, id: 'l' },
  ])
  await once(stream, 'data')
  while (lines.length < 3) await new Promise((resolve) => setImmediate(resolve))
  t.deepEqual(
    lines.map(({ type, id, seq }) => [type, id, seq]),
    [
      ['welcome', 'h', 1],
      ['unsupported', 'd', 2],
      ['applications', 'l', 3],
    ],
  )
})

const SECOND = { synthetic: { v4: '10.99.0.0/16' }, lockdown: true }
const THIRD = { lock: { overrideKey: 'A'.repeat(43) } }
const FOURTH = { captivePortalMs: 90_000 }
for (const [version, max] of [
  [1, 1],
  [2, 2],
  [3, 3],
  [4, 9],
] as const) {
  test(`control: settings in version ${version} for a daemon that knows up to ${max}`, async (t) => {
    const { stream, lines, server } = serve([{ ...hello, versions: { min: 1, max } }], {
      settings: () => ({ ...SETTINGS, ...SECOND, ...THIRD, ...FOURTH }),
    })
    await once(stream, 'data')
    server.pushSettings()
    const later = [SECOND, THIRD, FOURTH].slice(0, version - 1)
    const settings = Object.assign({}, SETTINGS, ...later)
    t.like(lines[0], { type: 'welcome', version } as never)
    t.deepEqual(
      lines.map((line) => (line as { settings?: unknown }).settings),
      [settings, settings],
    )
  })
}

const observation = {
  ...{ name: 'agent', kind: 'file', lookAt: ['/etc/agent'], observedAgoMs: 10 },
  found: { kind: 'file', exists: true },
}
const posture = (...observations: unknown[]) => ({
  ...{ type: 'posture', seq: 2, id: 'p', observations },
})

test('D10: a report of posture is that of the certificate, and is answered with results', async (t) => {
  const reported: unknown[] = []
  const { stream, lines } = serve([hello, posture(observation)], {
    reportPosture(deviceId, observations) {
      reported.push(deviceId, ...observations)
      return [{ name: 'agent', passed: true, detail: 'As expected.', validForMs: 5 }]
    },
  })
  await once(stream, 'data')
  while (lines.length < 2) await new Promise((resolve) => setImmediate(resolve))
  t.deepEqual(reported, [device.id, observation])
  t.like(lines[1], { type: 'posture_results', id: 'p' })
})

const PROMPT = {
  promptId: 'p'.repeat(22),
  application: 'wiki',
  host: 'wiki',
  port: 443,
  remedy: 'login',
  url: 'https://login.example.com/prompt/p',
  reason: 'session_expired',
  expiresAtMs: 1,
} as const

test('control: a daemon that does not read is cut off once 8 MiB wait for it', async (t) => {
  const { stream, server } = serve([hello], {}, false)
  await once(stream, 'data')
  const mebibyte = 'x'.repeat(1024 * 1024)
  for (let n = 0; n < 8; n++) server.notify(device.id, 'x', mebibyte)
  t.false(stream.destroyed)
  for (let n = 0; n < 2; n++) server.notify(device.id, 'x', mebibyte)
  t.true(stream.destroyed)
})

test('D9: what waits for the user is told to each new stream, then as it comes and ends', async (t) => {
  const { stream, lines, server } = serve([hello], { prompts: () => [PROMPT] })
  await once(stream, 'data')
  server.prompt(device.id, { ...PROMPT, port: 80 })
  server.promptEnded(device.id, { promptId: PROMPT.promptId, outcome: 'expired' })
  server.prompt('nobody', PROMPT)
  t.deepEqual(lines.slice(1), [
    { type: 'authentication_required', id: 'prompt', ...PROMPT, seq: 2 },
    { type: 'authentication_required', id: 'prompt', ...PROMPT, port: 80, seq: 3 },
    {
      ...{ type: 'prompt_ended', id: 'prompt', seq: 4 },
      promptId: PROMPT.promptId,
      outcome: 'expired',
    },
  ] as never)
})

const refused: Record<string, readonly [readonly unknown[], string]> = {
  'a first message that is no hello': [[explain(1)], 'no_hello'],
  'a version that is too new': [
    [{ ...hello, versions: { min: 5, max: 6 } }],
    'version_unsupported',
  ],
  'a second hello': [[hello, { ...hello, seq: 2 }], 'unexpected'],
  'an unknown key': [[hello, { ...explain(2), more: 1 }], 'bad_message'],
  'an observation from the future (D10)': [
    [hello, posture({ ...observation, observedAgoMs: -1 })],
    'bad_message',
  ],
  'an observation older than a day (D10)': [
    [hello, posture({ ...observation, observedAgoMs: 86_400_001 })],
    'bad_message',
  ],
  'an age that is no number (D10)': [
    [hello, posture({ ...observation, observedAgoMs: null })],
    'bad_message',
  ],
  'more observations than there are checks (T123)': [
    [hello, posture(...Array.from({ length: 65 }, () => observation))],
    'bad_message',
  ],
  'a finding of no kind (D10)': [
    [hello, posture({ ...observation, found: { kind: 'magic', passed: true } })],
    'bad_message',
  ],
  'a device that another one names (D10)': [
    [hello, { ...posture(observation), deviceId: 'device-2' }],
    'bad_message',
  ],
  'a gap in the sequence': [[hello, explain(3)], 'bad_sequence'],
  'a line without end (T123)': [[hello, 'x'.repeat(17 * 1024)], 'line_too_long'],
  'more questions than are answered (T123)': [
    [hello, ...Array.from({ length: 65 }, (_, index) => explain(index + 2))],
    'too_many_questions',
  ],
}
for (const [title, [sent, reason]] of Object.entries(refused)) {
  test(`control: ${title} ends the stream, with a word why`, async (t) => {
    const { stream, lines } = serve(sent)
    await once(stream, 'finish')
    t.like(lines.at(-1), { type: 'notice', reason })
  })
}

test('T122: a stream that says nothing is closed', async (t) => {
  const { stream, lines } = serve([], { helloTimeoutMs: 20 })
  await once(stream, 'finish')
  t.like(lines.at(-1), { type: 'notice', reason: 'no_hello' })
})

test('control: a question that cannot be answered ends the stream, not the gateway', async (t) => {
  const broken = () => Promise.reject(new Error('broken'))
  const { stream, lines } = serve([hello, explain(2)], { explain: broken })
  await once(stream, 'finish')
  t.like(lines.at(-1), { type: 'notice', reason: 'internal_error' })
})
