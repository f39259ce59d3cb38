/** Enrolment by service tokens over HTTPS: what gets in, and a table of what does not. */
import test, { type ExecutionContext } from 'ava'
import {
  encodeServiceCredentials,
  newServiceId,
  newServiceSecret,
} from '#lib/enrol/service-credentials'
import { certificateRequest, generateDeviceKey } from '../../../daemon/enrol/device-key.ts'
import type { IssuedToken } from '../../../gateway/service-token/service-token.ts'
import { type LoginRig, type RigOptions, startLoginRig } from '../../support/login-rig.ts'

const PATH = '/enrol/service'
const DAY_MS = 86_400_000
type Headers = Readonly<Record<string, string | string[]>>

const two = (id: string, secret: string): Headers => ({
  'ZT-Service-Id': id,
  'ZT-Service-Secret': secret,
})
const one = (id: string, secret: string): Headers => ({
  'ZT-Service-Token': encodeServiceCredentials({ id, secret }),
})

/** A login origin with the token `backup`. */
async function setUp(t: ExecutionContext, options: RigOptions = {}) {
  const rig = await startLoginRig(t, options)
  const issued = rig.serviceTokens.create('backup', DAY_MS)
  if (issued === undefined) throw new Error('no token')
  const enrol = async (headers: Headers, key = generateDeviceKey()) => {
    const csr = await certificateRequest(key)
    return rig.post(PATH, { csr, device_name: 'vm' }, { headers })
  }
  return { rig, issued, enrol, id: issued.token.id, secret: issued.secret }
}

for (const [form, headers] of Object.entries({ 'two headers': two, 'one header': one })) {
  test(`A11 D7: a device enrols by a service token in ${form}, and nothing secret is logged`, async (t) => {
    const { rig, enrol, id, secret } = await setUp(t)
    const key = generateDeviceKey()
    const { status, body } = await enrol(headers(id, secret), key)
    t.is(status, 200, JSON.stringify(body))
    t.false('user_email' in body)
    const device = rig.store.devices.get(String(body['device_id']))
    const user = rig.store.users.get(device?.userId ?? '')
    t.like(user, { provider: 'zt:service', providerSubject: id, name: 'backup', groups: [] })
    t.is(typeof rig.store.serviceTokens.get(id)?.lastUsedAtMs, 'number')
    const again = await enrol(headers(id, secret), key)
    t.is(again.body['device_id'], body['device_id'], 'the same key keeps its registration')
    t.notRegex(rig.logged.join(), /ztsvc_/)
    t.true(rig.logged.some((line) => line.includes('service enrolled') && line.includes(id)))
  })
}

type Attack = readonly [
  attack: (token: { id: string; secret: string; issued: IssuedToken; rig: LoginRig }) => Headers,
  reason: string,
]
const attacks: Record<string, Attack> = {
  'no credentials': [() => ({}), 'invalid_request'],
  'an id alone': [({ id }) => ({ 'ZT-Service-Id': id }), 'invalid_request'],
  'both forms': [
    ({ id, secret }) => ({ ...two(id, secret), ...one(id, secret) }),
    'invalid_request',
  ],
  'the secret twice': [
    ({ id, secret }) => ({ 'ZT-Service-Id': id, 'ZT-Service-Secret': [secret, secret] }),
    'invalid_request',
  ],
  'the one header twice': [
    ({ id, secret }) => {
      const { 'ZT-Service-Token': token } = one(id, secret)
      return { 'ZT-Service-Token': [String(token), String(token)] }
    },
    'invalid_request',
  ],
  'a wrong secret': [({ id }) => two(id, newServiceSecret()), 'bad_service_token'],
  'an unknown id': [({ secret }) => two(newServiceId(), secret), 'bad_service_token'],
  'a truncated secret': [({ id, secret }) => two(id, secret.slice(0, -1)), 'bad_service_token'],
  'an oversized secret': [({ id, secret }) => two(id, secret.repeat(50)), 'bad_service_token'],
  'an oversized one header': [
    ({ id, secret }) => ({
      'ZT-Service-Token': `${one(id, secret)['ZT-Service-Token']}${' '.repeat(4096)}x`,
    }),
    'bad_service_token',
  ],
  'control characters in the one header': [
    ({ id, secret }) => one(`${id}\u0000`, secret),
    'bad_service_token',
  ],
  'the secret of another token': [
    ({ id, rig }) => two(id, rig.serviceTokens.create('other', DAY_MS)?.secret ?? ''),
    'bad_service_token',
  ],
  'a disabled token': [
    ({ id, secret, rig }) => {
      rig.serviceTokens.setDisabled(id, true)
      return two(id, secret)
    },
    'service_token_disabled',
  ],
  'a wrong secret of a disabled token': [
    ({ id, rig }) => {
      rig.serviceTokens.setDisabled(id, true)
      return two(id, newServiceSecret())
    },
    'bad_service_token',
  ],
  'an expired token': [
    ({ id, secret, issued, rig }) => {
      rig.store.serviceTokens.replace({ ...issued.token, expiresAtMs: Date.now() - 1 })
      return two(id, secret)
    },
    'service_token_expired',
  ],
  'the old secret after a rotation without grace': [
    ({ id, secret, rig }) => {
      rig.serviceTokens.rotate(id, { graceMs: 0, lifetimeMs: DAY_MS })
      return two(id, secret)
    },
    'bad_service_token',
  ],
  'the old secret after its grace': [
    ({ id, secret, rig }) => {
      rig.serviceTokens.rotate(id, { graceMs: 1000, lifetimeMs: DAY_MS })
      rig.clock.aheadMs += 2000
      return two(id, secret)
    },
    'bad_service_token',
  ],
}
for (const [what, [attack, reason]] of Object.entries(attacks)) {
  test(`A11 T88: enrolment of a service refuses ${what}: ${reason}`, async (t) => {
    const { rig, issued, enrol, id, secret } = await setUp(t)
    const { status, body } = await enrol(attack({ id, secret, issued, rig }))
    t.deepEqual([status, body['error']], [400, reason])
    t.deepEqual(rig.store.devices.list(), [])
    t.true(rig.logged.some((line) => line.includes(reason)))
    t.notRegex(rig.logged.join() + JSON.stringify(body), /ztsvc_/)
  })
}

test('A11: an unknown id and a wrong secret have the same answer', async (t) => {
  const { enrol, id, secret } = await setUp(t)
  t.deepEqual(await enrol(two(newServiceId(), secret)), await enrol(two(id, newServiceSecret())))
})

test('A11: a rotation with grace: old and new secret enrol', async (t) => {
  const { rig, enrol, id, secret } = await setUp(t)
  const rotated = rig.serviceTokens.rotate(id, { graceMs: DAY_MS, lifetimeMs: DAY_MS })
  t.is((await enrol(two(id, secret))).status, 200)
  t.is((await enrol(two(id, rotated?.secret ?? ''))).status, 200)
})

test('A11 D7: a key that is registered for somebody else, or was revoked, is refused', async (t) => {
  const { rig, enrol, id, secret } = await setUp(t)
  const other = rig.serviceTokens.create('other', DAY_MS)
  if (other === undefined) return t.fail()
  const key = generateDeviceKey()
  const { body } = await enrol(two(other.token.id, other.secret), key)
  t.is((await enrol(two(id, secret), key)).body['error'], 'already_enrolled')
  rig.store.devices.update(String(body['device_id']), { revokedAtMs: 1 })
  t.is((await enrol(two(other.token.id, other.secret), key)).body['error'], 'device_revoked')
})

test('A11 T92: a body that is not understood is refused after the token, a bad name too', async (t) => {
  const { rig, id, secret } = await setUp(t)
  const csr = await certificateRequest(generateDeviceKey())
  const send = async (body: object) =>
    (await rig.post(PATH, body, { headers: two(id, secret) })).body['error']
  t.is(await send({ csr, device_name: 'vm', user: 'x' }), 'invalid_request')
  t.is(await send({ csr, device_name: 'a\nb' }), 'bad_device_name')
  t.is(await send({ csr: 'x', device_name: 'vm' }), 'bad_csr')
})

test('A11 T122: a source has its share of attempts, and so has a token', async (t) => {
  const limits = {
    service: { perSource: 2, global: 100, windowSeconds: 60 },
    serviceToken: { perSource: 3, global: 100, windowSeconds: 60 },
  }
  const { rig, id, secret } = await setUp(t, { limits })
  const csr = await certificateRequest(generateDeviceKey())
  const attempt = async (localAddress: string, shown = two(id, newServiceSecret())) => {
    const body = { csr, device_name: 'vm' }
    const answer = await rig.post(PATH, body, { localAddress, headers: shown })
    return `${answer.status} ${answer.body['error']}`
  }
  const wrong = '400 bad_service_token'
  const limited = '429 too_many_requests'
  t.is(await attempt('127.0.0.1'), wrong)
  t.is(await attempt('127.0.0.1'), wrong)
  t.is(await attempt('127.0.0.1'), limited)
  t.is(await attempt('127.0.0.2'), wrong)
  t.is(await attempt('127.0.0.2', two(id, secret)), limited, 'the share of the token')
})
