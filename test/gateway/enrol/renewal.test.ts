import { createPublicKey } from 'node:crypto'
import test from 'ava'
import { keySha256 } from '#lib/enrol/key-words'
import { generateDeviceKey } from '../../../daemon/enrol/device-key.ts'
import { renewalBody, renewLapsed } from '../../../daemon/enrol/enrol-client.ts'
import { renewDevice } from '../../../gateway/enrol/renewal.ts'
import { renewalPost } from '../../../gateway/enrol/renewal-post.ts'
import { createAuthority } from '../../../gateway/keys/certificate.ts'
import { issueDeviceCertificate } from '../../../gateway/keys/device-certificate.ts'
import type { Authority } from '../../../gateway/keys/gateway-keys.ts'
import { openServiceTokens } from '../../../gateway/service-token/service-tokens-store.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { startLoginRig } from '../../support/login-rig.ts'

const DEVICE_ID = '11111111-2222-4333-8444-555555555555'
const ORIGIN = 'https://login.example.com'
const DAY_MS = 86_400_000
const ISSUED_MS = Date.UTC(2026, 0, 1)
const silent = { info: () => {}, warn: () => {}, error: () => {} }

function publicKeyOf(key: string) {
  const publicKey = createPublicKey(key)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return { publicKey, keySha256: keySha256(spki) }
}

async function leafOf(ca: Authority, key: string, deviceId = DEVICE_ID): Promise<string> {
  const issued = await issueDeviceCertificate(ca, publicKeyOf(key), deviceId, ISSUED_MS)
  return issued.certificatePem
}

/** A registered device with a leaf issued at `ISSUED_MS`, and a clock that stands `afterMs` later. */
async function setUp(afterMs: number) {
  const lifetimeMs = 3650 * DAY_MS
  const deviceCa = await createAuthority({ commonName: 'devices', nowMs: ISSUED_MS, lifetimeMs })
  const store = openMemoryStore()
  const user = store.users.upsert({
    provider: 'corp',
    providerSubject: 'u1',
    email: 'alice@example.com',
    name: 'Alice',
    groups: [],
    claims: {},
    login: { atMs: ISSUED_MS },
  })
  const key = generateDeviceKey()
  store.devices.insert({
    id: DEVICE_ID,
    userId: user.id,
    name: 'laptop',
    keySha256: publicKeyOf(key).keySha256,
    enrolledAtMs: ISSUED_MS,
    login: { atMs: ISSUED_MS },
  })
  const nowMs = ISSUED_MS + afterMs
  const serviceTokens = openServiceTokens({ store, now: () => nowMs })
  const deps = { store, serviceTokens, deviceCa, now: () => nowMs, log: silent }
  const certificate = await leafOf(deviceCa, key)
  const body = (change: { key?: string; certificate?: string; audience?: string } = {}) =>
    renewalBody(
      { key: change.key ?? key, certificate: change.certificate ?? certificate },
      change.audience ?? ORIGIN,
      nowMs / 1000,
    )
  return { deps, store, key, deviceCa, body, nowMs, lifetimeMs }
}

const renewable = {
  'half of its life': 0.5 * DAY_MS,
  'one day after its end': 2 * DAY_MS,
  'thirty days after its end': 31 * DAY_MS,
}
for (const [title, afterMs] of Object.entries(renewable)) {
  test(`D7: a leaf is renewed at ${title}`, async (t) => {
    const { deps, body, store, nowMs } = await setUp(afterMs)
    const renewed = await renewDevice(deps, await body(), { audience: ORIGIN })
    t.true(renewed.ok)
    t.is(store.devices.get(DEVICE_ID)?.certificateNotAfterMs, nowMs + DAY_MS)
  })
}

test('D7: over the tunnel the leaf must be that of the connection', async (t) => {
  const { deps, body } = await setUp(DAY_MS / 2)
  const place = { audience: ORIGIN, deviceId: DEVICE_ID }
  t.true((await renewDevice(deps, await body(), place)).ok)
  const other = { audience: ORIGIN, deviceId: '99999999-2222-4333-8444-555555555555' }
  t.deepEqual(await renewDevice(deps, await body(), other), { ok: false, error: 'key_mismatch' })
})

test('D7: the answer to a post over the tunnel is JSON, refusals too', async (t) => {
  const { deps, body } = await setUp(DAY_MS / 2)
  const post = renewalPost(deps, ORIGIN)
  const leaf = { deviceId: DEVICE_ID, keySha256: 'k', notAfterMs: 0 }
  const admitted = (): never => t.fail() as never
  const peer = { leaf, sourceAddress: '192.0.2.1', admitted }
  const renewed = await post(peer, JSON.stringify(await body()))
  t.is(renewed.status, 200)
  t.regex(JSON.parse(renewed.body).certificate, /BEGIN CERTIFICATE/)
  for (const text of ['', '{', '[]', '{"certificate_pem":"x","csr":"x","proof":"x","a":1}']) {
    const refusal = await post(peer, text)
    t.is(refusal.status, 400)
    t.is(JSON.parse(refusal.body).error, 'invalid_request')
  }
  const forged = await post(peer, JSON.stringify(await body({ audience: 'https://evil.example' })))
  t.is(JSON.parse(forged.body).error, 'bad_proof')
})

type World = Awaited<ReturnType<typeof setUp>>
const refused: Readonly<
  Record<string, [number, (world: World) => Promise<Awaited<ReturnType<World['body']>>>, string]>
> = {
  'a leaf that lapsed more than thirty days ago': [
    31 * DAY_MS + 1000,
    ({ body }) => body(),
    'certificate_too_old',
  ],
  'a revoked device': [
    DAY_MS,
    ({ body, store }) => {
      store.devices.update(DEVICE_ID, { revokedAtMs: 1 })
      return body()
    },
    'device_revoked',
  ],
  'a device that is not registered': [
    DAY_MS,
    async ({ body, deviceCa, key }) =>
      body({ certificate: await leafOf(deviceCa, key, '99999999-2222-4333-8444-555555555555') }),
    'device_unknown',
  ],
  'a leaf for another key than the registration has': [
    DAY_MS,
    async ({ body, deviceCa }) => {
      const key = generateDeviceKey()
      return body({ key, certificate: await leafOf(deviceCa, key) })
    },
    'device_unknown',
  ],
  'a request for another key than the leaf has': [
    DAY_MS,
    ({ body }) => body({ key: generateDeviceKey() }),
    'key_mismatch',
  ],
  'a leaf of another CA (T90)': [
    DAY_MS,
    async ({ body, key, lifetimeMs }) => {
      const other = { commonName: 'devices', nowMs: ISSUED_MS, lifetimeMs }
      return body({ certificate: await leafOf(await createAuthority(other), key) })
    },
    'bad_certificate',
  ],
  'the CA certificate as leaf (T90)': [
    DAY_MS,
    ({ body, deviceCa }) => body({ certificate: deviceCa.certificatePem }),
    'bad_certificate',
  ],
  'a leaf from the future': [-DAY_MS, ({ body }) => body(), 'bad_certificate'],
  'text in place of a leaf': [
    DAY_MS,
    ({ body }) => body({ certificate: 'hello' }),
    'bad_certificate',
  ],
  'a proof for another gateway': [
    DAY_MS,
    ({ body }) => body({ audience: 'https://evil.example' }),
    'bad_proof',
  ],
  'a proof over another request': [
    DAY_MS,
    async ({ body }) => ({ ...(await body()), proof: (await body()).proof }),
    'bad_proof',
  ],
  'a proof by another key': [
    DAY_MS,
    async ({ body }) => {
      const { csr, ...own } = await body()
      const forged = await body({ key: generateDeviceKey() })
      return { ...own, csr, proof: forged.proof }
    },
    'bad_proof',
  ],
  'a request that cannot be read': [
    DAY_MS,
    async ({ body }) => ({ ...(await body()), csr: 'hello' }),
    'bad_csr',
  ],
}
for (const [title, [afterMs, make, reason]] of Object.entries(refused)) {
  test(`D7: refuses to renew ${title}`, async (t) => {
    const world = await setUp(afterMs)
    const before = world.store.devices.get(DEVICE_ID)?.certificateNotAfterMs
    const renewed = await renewDevice(world.deps, await make(world), { audience: ORIGIN })
    t.deepEqual(renewed, { ok: false, error: reason })
    t.is(world.store.devices.get(DEVICE_ID)?.certificateNotAfterMs, before)
  })
}

test('D7: the daemon renews a lapsed leaf over the login origin, until it is revoked', async (t) => {
  const rig = await startLoginRig(t)
  const key = generateDeviceKey()
  const user = rig.store.users.upsert({
    provider: 'corp',
    providerSubject: 'u1',
    email: 'alice@example.com',
    name: 'Alice',
    groups: [],
    claims: {},
    login: { atMs: 1 },
  })
  const { publicKey, keySha256: digest } = publicKeyOf(key)
  rig.store.devices.insert({
    id: DEVICE_ID,
    userId: user.id,
    name: 'laptop',
    keySha256: digest,
    enrolledAtMs: 1,
    login: { atMs: 1 },
  })
  const lapsedMs = Date.now() - 3 * DAY_MS
  const deviceKey = { publicKey, keySha256: digest }
  const leaf = await issueDeviceCertificate(rig.deviceCa, deviceKey, DEVICE_ID, lapsedMs)
  const registration = { key, certificate: leaf.certificatePem } as Parameters<
    typeof renewLapsed
  >[1]
  const origin = { url: rig.url, ca: rig.gatewayCa.certificatePem }
  t.true((await renewLapsed(origin, registration)).ok)
  rig.store.devices.update(DEVICE_ID, { revokedAtMs: 1 })
  t.like(await renewLapsed(origin, registration), {
    ok: false,
    error: { reason: 'device_revoked' },
  })
})

test('A11: a device of a service is renewed while its token is good, and its use is noted', async (t) => {
  const { deps, body, store, key, nowMs } = await setUp(DAY_MS / 2)
  const issued = deps.serviceTokens.create('backup', DAY_MS)
  if (issued === undefined) return t.fail()
  const { id } = issued.token
  const serviceKey = generateDeviceKey()
  const deviceId = '22222222-2222-4333-8444-555555555555'
  store.devices.insert({
    id: deviceId,
    userId: deps.serviceTokens.userOf(issued.token).id,
    name: 'vm',
    keySha256: publicKeyOf(serviceKey).keySha256,
    enrolledAtMs: ISSUED_MS,
    login: { atMs: ISSUED_MS },
  })
  const certificate = await leafOf(deps.deviceCa, serviceKey, deviceId)
  const renew = async () =>
    renewDevice(deps, await body({ key: serviceKey, certificate }), { audience: ORIGIN })
  t.true((await renew()).ok)
  t.is(store.serviceTokens.get(id)?.lastUsedAtMs, nowMs)
  deps.serviceTokens.setDisabled(id, true)
  t.deepEqual(await renew(), { ok: false, error: 'service_token_disabled' })
  deps.serviceTokens.setDisabled(id, false)
  store.serviceTokens.replace({ ...issued.token, expiresAtMs: nowMs })
  t.deepEqual(await renew(), { ok: false, error: 'service_token_expired' })
  t.true((await renewDevice(deps, await body({ key }), { audience: ORIGIN })).ok, 'a person')
})
