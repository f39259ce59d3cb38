import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { parseEntry } from '#lib/audit/audit-entry'
import { openCheckpoint } from '#lib/audit/checkpoint'
import type { AccessChange } from '../../../gateway/access-change.ts'
import { openAccessRequests } from '../../../gateway/access-request/access-requests-store.ts'
import { parsePage } from '../../../gateway/admin/admin-query.ts'
import { ADMIN_ROUTES, startAdminServer } from '../../../gateway/admin/admin-server.ts'
import { openAuditLog } from '../../../gateway/audit/audit-log-store.ts'
import { startCheckpoints } from '../../../gateway/audit/checkpoint-job.ts'
import { evidenceSigner } from '../../../gateway/audit/evidence-signer.ts'
import { createLiveSessions } from '../../../gateway/live/live-sessions.ts'
import { openKeeping } from '../../../gateway/recording/keeping-store.ts'
import { RecordingFolder } from '../../../gateway/recording/recording-folder-store.ts'
import { openServiceTokens } from '../../../gateway/service-token/service-tokens-store.ts'
import { openSessions } from '../../../gateway/session/sessions-store.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { policyParts } from '../../support/admin-rig.ts'
import { everyone, policyOf } from '../../support/policy-builder.ts'
import { sampleFacts } from '../../support/sample-facts.ts'
import { sampleAuthorities } from '../../support/ssh-authorities.ts'
import { throwawayCa } from '../../support/throwaway-ca.ts'
import { memoryLog } from '../../support/tunnel.ts'

const SECRET = 'correct-horse'
const BY_LEA = { approval: { approvers: [{ email: 'lea@example.com' }], valid_for: '1h' } }
const NOW_MS = Date.UTC(2026, 10, 21)

type Answer = { readonly status: number; readonly body: string; readonly headers: string }

/** A running API with one device, one flow, one recording, and curl as its client. */
async function startApi(
  t: ExecutionContext,
  checkSecret = async (secret: string): Promise<boolean> => secret === SECRET,
) {
  const folder = mkdtempSync(join(tmpdir(), 'zt-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const store = openMemoryStore()
  const user = store.users.upsert({
    provider: 'corp',
    providerSubject: 'ann',
    email: 'ann@example.com',
    name: 'Ann',
    groups: [],
    claims: {},
    login: { atMs: NOW_MS },
  })
  store.devices.insert({
    id: 'device-1',
    userId: user.id,
    name: 'laptop',
    keySha256: 'aa',
    enrolledAtMs: NOW_MS,
    login: { atMs: NOW_MS },
  })
  store.flows.put({ id: 'flow-1', state: 'opened', openedAtMs: NOW_MS, facts: sampleFacts() })
  const row = {
    id: 'recording-1',
    flowId: 'flow-1',
    startedAtMs: NOW_MS,
    userEmail: 'ann@example.com',
    deviceId: 'device-1',
    unixUser: 'demo',
    target: 'db1.corp.internal:22',
    application: 'database',
    state: 'complete',
    sizeBytes: 6,
  } as const
  store.recordings.put({ ...row, file: 'r1' })
  store.recordings.put({ ...row, id: 'recording-2', file: '../secret' })
  writeFileSync(join(folder, 'secret'), 'not for you')
  const recordings = mkdtempSync(join(folder, 'recordings-'))
  writeFileSync(join(recordings, 'r1'), 'sealed')
  writeFileSync(join(recordings, 'r1.manifest'), 'signed')

  const ca = await throwawayCa()
  const { certPem, keyPem } = await ca.issue('admin.test')
  writeFileSync(join(folder, 'ca.pem'), ca.caPem)
  const revoked: string[] = []
  const changes: AccessChange[] = []
  const log = memoryLog()
  const serviceTokens = openServiceTokens({ store, now: () => NOW_MS })
  const policy = policyOf({
    applications: [
      {
        name: 'wiki',
        destinations: ['w.corp:443'],
        policies: [{ name: 'p', decision: 'allow', include: everyone, ...BY_LEA }],
      },
    ],
  })
  const accessRequests = openAccessRequests({
    ...{ store, log, policy: () => policy, now: () => NOW_MS },
    tell: (change) => changes.push(change),
  })
  const audit = openAuditLog(store.audit, () => NOW_MS)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const checkpoints = await startCheckpoints(audit, {
    evidenceKey: privateKey,
    now: () => NOW_MS,
    onFailure: (cause) => t.fail(String(cause)),
  })
  t.teardown(() => checkpoints.stop())
  const keeping = openKeeping({
    folder: await RecordingFolder.open(recordings),
    rows: store.recordings,
    signer: await evidenceSigner(privateKey),
    ...{ audit, log, now: () => NOW_MS },
  })
  const server = await startAdminServer({
    url: new URL('https://admin.test'),
    tls: { certificatePem: certPem, keyPem },
    listen: { host: '127.0.0.1', port: 0 },
    store,
    log,
    audit,
    signCheckpoint: checkpoints.sign,
    overrideKey: () => Buffer.alloc(32),
    live: createLiveSessions(),
    recipients: () => undefined,
    keeping,
    evidenceSigner: () => evidenceSigner(privateKey),
    posture: () => [
      {
        name: 'agent',
        kind: 'file',
        passed: true,
        detail: 'As expected.',
        validUntilMs: NOW_MS + 1000,
        observation: {
          ...{ name: 'agent', kind: 'file', lookAt: ['/etc/agent'], observedAtMs: NOW_MS },
          found: { kind: 'file', exists: true },
        },
      },
    ],
    recordingsDir: recordings,
    checkSecret,
    serviceTokens,
    sshAuthorities: sampleAuthorities(t, store, () => NOW_MS),
    sessions: openSessions({ store, log, now: () => NOW_MS }),
    ...policyParts(),
    accessRequests,
    tell: (change) => changes.push(change),
    onDeviceRevoked: (id) => revoked.push(id),
    nowMs: () => NOW_MS,
  })
  t.teardown(() => server.close())
  const curl = async (path: string, ...options: string[]): Promise<Answer> => {
    const to = `admin.test:443:127.0.0.1:${server.address.port}`
    const base = [
      '-sS',
      '-D',
      join(folder, 'headers'),
      '--cacert',
      join(folder, 'ca.pem'),
      '--connect-to',
      to,
    ]
    const args = [...base, '-w', '\n%{http_code}', ...options, `https://admin.test${path}`]
    const { stdout } = await promisify(execFile)('curl', args)
    const cut = stdout.lastIndexOf('\n')
    const headers = readFileSync(join(folder, 'headers'), 'utf8')
    return { status: Number(stdout.slice(cut + 1)), body: stdout.slice(0, cut), headers }
  }
  const asAdmin = (path: string, ...options: string[]) =>
    curl(path, '-H', `Authorization: Bearer ${SECRET}`, ...options)
  return { curl, asAdmin, revoked, changes, user, log, store, audit, serviceTokens, accessRequests }
}

test('D10 the API shows the posture of a device, and what it rests on', async (t) => {
  const { asAdmin } = await startApi(t)
  const { device } = JSON.parse((await asAdmin('/api/v1/devices/device-1')).body)
  t.is(device.id, 'device-1')
  t.deepEqual(device.posture, [
    {
      name: 'agent',
      kind: 'file',
      passed: true,
      detail: 'As expected.',
      observedAt: '2026-11-21T00:00:00.000Z',
      validUntil: '2026-11-21T00:00:01.000Z',
      lookAt: ['/etc/agent'],
      found: { kind: 'file', exists: true },
    },
  ])
  t.is((await asAdmin('/api/v1/devices/nobody')).status, 404)
})

test('E1 the API lists devices, flows and recordings with RFC 3339 times', async (t) => {
  const { asAdmin } = await startApi(t)
  const devices = JSON.parse((await asAdmin('/api/v1/devices')).body)
  t.like(devices, {
    devices: [
      {
        id: 'device-1',
        user: 'ann@example.com',
        revoked: false,
        enrolledAt: '2026-11-21T00:00:00.000Z',
      },
    ],
  })
  const flows = JSON.parse((await asAdmin('/api/v1/flows?limit=10')).body)
  t.like(flows, { flows: [{ id: 'flow-1', openedAt: '2026-11-21T00:00:00.000Z' }] })
  t.like(JSON.parse((await asAdmin('/api/v1/flows/flow-1')).body), { flow: { state: 'opened' } })
  const one = JSON.parse((await asAdmin('/api/v1/recordings/recording-1')).body)
  t.like(one, {
    recording: { user: 'ann@example.com', target: 'db1.corp.internal:22', state: 'complete' },
  })
  t.false('file' in one.recording)
})

const SESSION = {
  id: 'session-1',
  deviceId: 'device-1',
  application: 'wiki',
  login: { atMs: NOW_MS - 1000, amr: ['pwd', 'otp'] },
  startedAtMs: NOW_MS - 500,
  lastUsedAtMs: NOW_MS,
  endsAtMs: NOW_MS + 1000,
}

test('A5 the API lists sessions with identity, device and next login, filtered', async (t) => {
  const { asAdmin, store, user } = await startApi(t)
  store.appSessions.put({ ...SESSION, userId: user.id })
  const list = async (query: string) =>
    JSON.parse((await asAdmin(`/api/v1/sessions${query}`)).body).sessions
  const all = await list('')
  t.deepEqual(
    all.map(({ kind, id }: { kind: string; id: string }) => `${kind} ${id}`),
    ['device device-1', 'application session-1'],
  )
  t.like(all[1], {
    application: 'wiki',
    state: 'alive',
    user: { email: 'ann@example.com', provider: 'corp' },
    device: { name: 'laptop' },
    login: { amr: ['pwd', 'otp'] },
    endsAt: '2026-11-21T00:00:01.000Z',
  })
  t.is((await list('?application=wiki')).length, 1)
  t.is((await list('?user=Ann@example.com')).length, 2)
  t.is((await list('?user=nobody@example.com')).length, 0)
  t.is((await list('?device=device-2')).length, 0)
  t.is((await asAdmin('/api/v1/sessions?usr=x')).status, 400)
  t.like(JSON.parse((await asAdmin('/api/v1/sessions/session-1')).body), {
    session: { kind: 'application' },
  })
  t.is((await asAdmin('/api/v1/sessions/nothing')).status, 404)
})

test('A5 G10 revoking one session tells the change and shows it revoked', async (t) => {
  const { asAdmin, store, user, changes, log } = await startApi(t)
  store.appSessions.put({ ...SESSION, userId: user.id })
  const answer = await asAdmin('/api/v1/sessions/session-1/revoke', '-X', 'POST')
  t.like(JSON.parse(answer.body), { session: { state: 'revoked' }, cutFlows: 1 })
  t.deepEqual(changes, [{ kind: 'device', deviceId: 'device-1' }])
  t.true(log.lines.some((line) => line['action'] === 'revoke_sessions'))
  const device = JSON.parse((await asAdmin('/api/v1/sessions/device-1')).body)
  t.is(device.session.state, 'alive')
  t.is((await asAdmin('/api/v1/sessions/nothing/revoke', '-X', 'POST')).status, 404)
})

/** Posts JSON as the administrator. */
async function postAs(
  { asAdmin }: Pick<Awaited<ReturnType<typeof startApi>>, 'asAdmin'>,
  path: string,
  body: unknown = {},
) {
  const json = ['-H', 'content-type: application/json', '-d', JSON.stringify(body)]
  const answer = await asAdmin(`/api/v1/service-tokens${path}`, ...json)
  return { status: answer.status, body: JSON.parse(answer.body) }
}

test('A11 T96: a service token is made; its secret is in that answer, in no list and in no log', async (t) => {
  const api = await startApi(t)
  const made = await postAs(api, '', { name: 'backup' })
  const { secret, serviceToken } = made.body
  t.like(serviceToken, { name: 'backup', state: 'active', expiresAt: '2027-11-21T00:00:00.000Z' })
  t.true(api.serviceTokens.check({ id: serviceToken.id, secret }).ok)
  const listed = (await api.asAdmin('/api/v1/service-tokens')).body
  t.deepEqual(JSON.parse(listed).serviceTokens, [
    { ...serviceToken, lastUsedAt: '2026-11-21T00:00:00.000Z' },
  ])
  t.notRegex(listed, /ztsvc_|[0-9a-f]{64}/)
  t.notRegex(JSON.stringify(api.log.lines), /ztsvc_/)
  t.true(api.log.lines.some((line) => line['action'] === 'create_service_token'))
  const again = await postAs(api, '', { name: 'backup' })
  t.is(again.status, 409)
  t.is(again.body.error.code, 'name_taken')
})

test('A11: rotation with grace through the API: both secrets, then one', async (t) => {
  const api = await startApi(t)
  const { secret, serviceToken } = (await postAs(api, '', { name: 'backup' })).body
  const { id } = serviceToken
  const rotated = await postAs(api, `/${id}/rotate`, { graceSeconds: 60, lifetimeSeconds: 86_400 })
  t.like(rotated.body.serviceToken, {
    oldSecretUntil: '2026-11-21T00:01:00.000Z',
    expiresAt: '2026-11-22T00:00:00.000Z',
    endsWithinDays: 1,
  })
  t.true(api.serviceTokens.check({ id, secret }).ok)
  t.true(api.serviceTokens.check({ id, secret: rotated.body.secret }).ok)
  await postAs(api, `/${id}/rotate`)
  t.false(api.serviceTokens.check({ id, secret }).ok)
  t.false(api.serviceTokens.check({ id, secret: rotated.body.secret }).ok)
  t.is(api.changes.length, 2)
})

test('A11 G10: disabling a token tells the change at once, and enabling takes it back', async (t) => {
  const api = await startApi(t)
  const { secret, serviceToken } = (await postAs(api, '', { name: 'backup' })).body
  const { id } = serviceToken
  const disabled = await postAs(api, `/${id}/disable`)
  t.like(disabled.body, { serviceToken: { state: 'disabled' }, cutFlows: 1 })
  t.deepEqual(api.changes, [{ kind: 'service', tokenId: id }])
  t.deepEqual(api.serviceTokens.check({ id, secret }), {
    ok: false,
    error: 'service_token_disabled',
  })
  t.like((await postAs(api, `/${id}/enable`)).body, { serviceToken: { state: 'active' } })
  t.true(api.serviceTokens.check({ id, secret }).ok)
})

for (const [path, body, status] of [
  ['', {}, 400],
  ['', { name: 'A' }, 400],
  ['', { name: 'a', lifetimeSeconds: 0 }, 400],
  ['', { name: 'a', secret: 'mine' }, 400],
  ['/nothing/rotate', { graceSeconds: 31 * 86_400 }, 400],
  ['/nothing/rotate', {}, 404],
  ['/nothing/disable', {}, 404],
] as const) {
  test(`A11 T92: service-tokens${path} with ${JSON.stringify(body)} is ${status}`, async (t) => {
    const api = await startApi(t)
    t.is((await postAs(api, path, body)).status, status)
    t.deepEqual(api.serviceTokens.list(), [])
  })
}

test('A11: devices and sessions of services name the service, and no address', async (t) => {
  const { asAdmin, store, serviceTokens } = await startApi(t)
  const issued = serviceTokens.create('backup', 1000)
  if (issued === undefined) return t.fail()
  const { id: tokenId } = issued.token
  store.devices.insert({
    id: 'device-2',
    userId: serviceTokens.userOf(issued.token).id,
    name: 'vm',
    keySha256: 'bb',
    enrolledAtMs: NOW_MS,
    login: { atMs: NOW_MS },
  })
  const service = { tokenId, name: 'backup' }
  const { device } = JSON.parse((await asAdmin('/api/v1/devices/device-2')).body)
  t.like(device, { user: null, service })
  const { session } = JSON.parse((await asAdmin('/api/v1/sessions/device-2')).body)
  t.deepEqual([session.user, session.service], [undefined, service])
})

test('A5 a browser at the login host is a session too: listed, and ended', async (t) => {
  const { asAdmin, store, user, changes } = await startApi(t)
  const browser = { idSha256: 'b'.repeat(64), userId: user.id, login: { atMs: NOW_MS } }
  store.browserSessions.insert({ ...browser, createdAtMs: NOW_MS, expiresAtMs: NOW_MS + 1000 })
  const all = JSON.parse((await asAdmin('/api/v1/sessions?user=ann@example.com')).body).sessions
  t.like(all[0], { kind: 'global', state: 'alive', endsAt: '2026-11-21T00:00:01.000Z' })
  const one = `/api/v1/sessions/${browser.idSha256}`
  const answer = JSON.parse((await asAdmin(`${one}/revoke`, '-X', 'POST')).body)
  t.like(answer, { session: { kind: 'global', state: 'revoked' }, cutFlows: 0 })
  t.like(JSON.parse((await asAdmin(one)).body), { session: { state: 'revoked' } })
  t.deepEqual(changes, [])
})

const scopes: Record<string, [body: object, status: number, change?: AccessChange['kind']]> = {
  user: [{ user: 'ann@example.com' }, 200, 'user'],
  device: [{ device: 'device-1' }, 200, 'device'],
  application: [{ application: 'wiki' }, 200, 'application'],
  'nobody known': [{ user: 'bob@example.com' }, 404],
  'a device not known': [{ device: 'device-9' }, 404],
  'two at once': [{ user: 'ann@example.com', device: 'device-1' }, 400],
  nothing: [{}, 400],
}
for (const [title, [body, status, change]] of Object.entries(scopes)) {
  test(`A5 revoking all sessions of ${title}: ${status}`, async (t) => {
    const { asAdmin, changes } = await startApi(t)
    const json = ['-H', 'content-type: application/json', '-d', JSON.stringify(body)]
    t.is((await asAdmin('/api/v1/sessions/revoke', ...json)).status, status)
    t.deepEqual(
      changes.map(({ kind }) => kind),
      change === undefined ? [] : [change],
    )
  })
}

test('A10 the API lists requests for access; an approver of the policy decides', async (t) => {
  const { asAdmin, accessRequests, store, user, log } = await startApi(t)
  store.users.upsert({
    ...{ provider: 'corp', providerSubject: 'lea', email: 'lea@example.com', name: 'Lea' },
    ...{ groups: [], claims: {}, login: { atMs: NOW_MS } },
  })
  const asked = { userId: user.id, deviceId: 'device-1', application: 'wiki' }
  const made = accessRequests.ask(asked, 'ticket 7')
  const id = made.ok ? made.value.requestId : ''
  const answer = JSON.parse((await asAdmin('/api/v1/access-requests')).body)
  t.like(answer.accessRequests[0], {
    ...{ id, state: 'pending', user: 'ann@example.com', purpose: 'ticket 7', policy: 'p' },
  })
  const decide = async (verb: string, body: object, of = id) => {
    const json = ['-H', 'content-type: application/json', '-d', JSON.stringify(body)]
    const { status, body: text } = await asAdmin(`/api/v1/access-requests/${of}/${verb}`, ...json)
    return [status, JSON.parse(text).error?.code ?? JSON.parse(text).accessRequest.state]
  }
  t.deepEqual(await decide('approve', {}), [400, 'bad_body'])
  t.deepEqual(await decide('approve', { approver: user.email }), [409, 'own_request'])
  t.deepEqual(await decide('approve', { approver: 'x@example.com' }), [409, 'not_an_approver'])
  const lea = { approver: 'lea@example.com' }
  t.deepEqual(await decide('approve', lea, 'nothing'), [404, 'no_such_access_request'])
  t.deepEqual(await decide('approve', lea), [200, 'approved'])
  t.deepEqual(await decide('deny', lea), [409, 'request_not_pending'])
  t.true(log.lines.some((line) => line['action'] === 'approve_access'))
  const one = JSON.parse((await asAdmin(`/api/v1/access-requests/${id}`)).body).accessRequest
  t.like(one, { state: 'approved', decidedBy: 'lea@example.com' })
  t.is((await asAdmin('/api/v1/access-requests/nothing')).status, 404)
  t.is((await asAdmin('/api/v1/access-requests?usr=x')).status, 400)
})

test('S9 content is served as it lies: sealed; the manifest beside it', async (t) => {
  const { asAdmin } = await startApi(t)
  t.is((await asAdmin('/api/v1/recordings/recording-1/content')).body, 'sealed')
  t.is((await asAdmin('/api/v1/recordings/recording-1/manifest')).body, 'signed')
})

test('S9 S10: a held recording is not shredded; a shredded one is gone, and its manifest stays', async (t) => {
  const { asAdmin, audit } = await startApi(t)
  const json = ['-H', 'content-type: application/json']
  const order = (verb: string) =>
    asAdmin(`/api/v1/recordings/recording-1/${verb}`, '-d', '{"reason":"case 7"}', ...json)
  t.is((await asAdmin('/api/v1/recordings/recording-1/hold', '-d', '{}', ...json)).status, 400)
  t.is(JSON.parse((await order('hold')).body).recording.hold.reason, 'case 7')
  t.is(JSON.parse((await order('shred')).body).error.code, 'recording_held')
  t.is((await order('release')).status, 200)
  t.is(JSON.parse((await order('release')).body).error.code, 'recording_not_held')
  t.is(JSON.parse((await order('shred')).body).recording.erased.how, 'shredded')
  t.is((await asAdmin('/api/v1/recordings/recording-1/content')).status, 410)
  t.is((await asAdmin('/api/v1/recordings/recording-1/manifest')).body, 'signed')
  const kinds = [...audit.lines(audit.head.size)].map((line) => parseEntry(line)?.kind)
  t.deepEqual(
    kinds.filter((kind) => kind?.startsWith('recording_')),
    ['recording_held', 'recording_released', 'recording_shredded', 'recording_viewed'],
  )
})

test('S7 recordings are told by the session that they went on inside of', async (t) => {
  const { asAdmin, store } = await startApi(t)
  const outer = store.recordings.get('recording-1')
  if (outer === undefined) return t.fail()
  store.recordings.put({ ...outer, id: 'inner', parent: outer.id })
  const list = async (query: string) =>
    JSON.parse((await asAdmin(`/api/v1/recordings?${query}`)).body).recordings
  t.like(await list('parent=recording-1'), [{ id: 'inner', parent: 'recording-1' }])
  const outermost: { id: string; parent?: string }[] = await list('parent=none&limit=10')
  t.deepEqual(outermost.map(({ id }) => id).sort(), ['recording-1', 'recording-2'])
  const wrong = await asAdmin('/api/v1/recordings?parent=')
  t.is(wrong.status, 400)
  t.is(JSON.parse(wrong.body).error.code, 'bad_parent')
})

test('T66 a damaged row leads to nothing outside the recordings folder', async (t) => {
  const { asAdmin } = await startApi(t)
  t.is((await asAdmin('/api/v1/recordings/recording-2/content')).status, 404)
})

test('D7 revoking marks the device, cuts it, and is logged before it takes effect', async (t) => {
  const { asAdmin, revoked, log, store } = await startApi(t)
  const answer = await asAdmin('/api/v1/devices/device-1/revoke', '-X', 'POST')
  t.like(JSON.parse(answer.body), {
    device: { revoked: true, revokedAt: '2026-11-21T00:00:00.000Z' },
  })
  t.is(store.devices.get('device-1')?.revokedAtMs, NOW_MS)
  t.deepEqual(revoked, ['device-1'])
  t.true(log.lines.some((line) => line['action'] === 'revoke_device'))
  t.is((await asAdmin('/api/v1/devices/nobody/revoke', '-X', 'POST')).status, 404)
})

test('E1 refuses no secret and a wrong one, never says why, and slows a guesser down', async (t) => {
  const { curl, asAdmin, log } = await startApi(t)
  t.is((await curl('/api/v1/devices')).status, 401)
  const statuses: number[] = []
  for (let guess = 0; guess < 11; guess++) {
    statuses.push(
      (await curl('/api/v1/devices', '-H', `Authorization: Bearer guess-${guess}`)).status,
    )
  }
  t.true(statuses.includes(401))
  t.is(statuses.at(-1), 429)
  t.is((await asAdmin('/api/v1/devices')).status, 429)
  t.false(JSON.stringify(log.lines).includes('guess-'))
})

test('T122 guesses made at once are no more than guesses made one by one, and lock nobody out who is in', async (t) => {
  let checks = 0
  const { asAdmin, curl } = await startApi(t, async (secret) => {
    if (secret === SECRET) return true
    checks++
    await new Promise((resolve) => setImmediate(resolve))
    return false
  })
  t.is((await asAdmin('/api/v1/devices')).status, 200)
  const urls = Array.from({ length: 30 }, () => 'https://admin.test/api/v1/flows')
  await curl('/api/v1/flows', '--parallel', '-H', 'Authorization: Bearer wrong', ...urls)
  t.is(checks, 10)
  t.is((await asAdmin('/api/v1/devices')).status, 200)
})

test('S10 T64 T68: actions, views and what was refused are audited, bodies being readable or not', async (t) => {
  const { asAdmin, curl, audit } = await startApi(t)
  await asAdmin('/api/v1/devices/device-1/revoke', '-X', 'POST')
  await asAdmin('/api/v1/recordings/recording-1/content')
  const json = ['-H', 'content-type: application/json']
  const broken = await asAdmin('/api/v1/sessions/revoke', '-d', '{"user":"\r\n', ...json)
  t.is(broken.status, 400, broken.body)
  await asAdmin('/api/v1/sessions/revoke%0d%0a%22x', '-d', '{}', ...json)
  await curl('/api/v1/devices', '-H', 'Authorization: Bearer wrong-secret')
  await asAdmin('/api/v1/devices')
  const { body } = await asAdmin('/api/v1/audit')
  const lines = body.trimEnd().split('\n')
  const { checkpoint } = JSON.parse(lines.pop() ?? '')
  const entries = lines.map((line) => parseEntry(line))
  t.deepEqual(
    entries.map((entry) => [entry?.kind, entry?.about['action'] ?? entry?.about['status']]),
    [
      ['admin_action', 'revoke_device'],
      ['recording_viewed', undefined],
      ['admin_refused', 400],
      ['admin_refused', 404],
      ['admin_refused', 401],
      ['admin_action', 'export_audit'],
    ],
  )
  t.false(body.includes('wrong-secret'))
  const opened = await openCheckpoint(checkpoint)
  t.true(opened.ok && opened.value.size === lines.length)
  t.like(opened.ok ? opened.value : {}, audit.head)
})

test('S10 an action that cannot be audited is not taken', async (t) => {
  const { asAdmin, audit, revoked, store } = await startApi(t)
  Object.assign(audit, {
    note() {
      throw new Error('the store is read only')
    },
  })
  const answer = await asAdmin('/api/v1/devices/device-1/revoke', '-X', 'POST')
  t.is(answer.status, 500)
  t.deepEqual(revoked, [])
  t.is(store.devices.get('device-1')?.revokedAtMs, undefined)
})

test('T94 answers only under its own name, with a policy that allows no script', async (t) => {
  const { asAdmin } = await startApi(t)
  t.is((await asAdmin('/api/v1/devices', '-H', 'Host: login.test')).status, 421)
  t.regex(
    (await asAdmin('/api/v1/devices')).headers,
    /content-security-policy: default-src 'none'/i,
  )
})

test('T92 unknown query keys and bad values are refused', async (t) => {
  const { asAdmin } = await startApi(t)
  t.is((await asAdmin('/api/v1/flows?limt=10')).status, 400)
  t.is((await asAdmin('/api/v1/flows?limit=0')).status, 400)
  t.is((await asAdmin('/api/v1/flows?before=yesterday')).status, 400)
  t.is((await asAdmin('/api/v1/nothing')).status, 404)
})

test('T123 a body over the limit is refused', async (t) => {
  const { asAdmin } = await startApi(t)
  const big = 'x'.repeat(20_000)
  const answer = await asAdmin(
    '/api/v1/devices/device-1/revoke',
    '-H',
    'content-type: text/plain',
    '-d',
    big,
  )
  t.is(answer.status, 413)
})

test('E1 queries never throw', (t) => {
  const property = fc.property(fc.dictionary(fc.string(), fc.anything()), (query) => {
    const page = parsePage(query)
    return !page.ok || page.value.limit <= 1000
  })
  t.notThrows(() => fc.assert(property))
})

test('E1 every route stands in docs/reference/admin-api.md', (t) => {
  const text = readFileSync('docs/reference/admin-api.md', 'utf8')
  for (const [method, path, meaning] of ADMIN_ROUTES) {
    const shown = path.replace(/:(\w+)/, '{$1}')
    t.true(text.includes(`| \`${method} ${shown}\` | ${meaning} |`), `${method} ${shown}`)
  }
})
