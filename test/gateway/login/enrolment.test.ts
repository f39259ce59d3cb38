import { X509Certificate } from 'node:crypto'
import test from 'ava'
import { generateDeviceKey } from '../../../daemon/enrol/device-key.ts'
import { enrolDevice, fetchGatewayCa } from '../../../daemon/enrol/enrol-client.ts'
import { completeLogin, formWith, loginUpToConfirm, text } from '../../support/idp.ts'
import {
  ALICE,
  BOB,
  beginEnrolment,
  type LoginRig,
  pollEnrolment,
  startLoginRig,
} from '../../support/login-rig.ts'

function logIn(rig: LoginRig, userCode: string, { email, password } = ALICE) {
  const { verificationUrl, ca } = rig
  return completeLogin({ verificationUrl, userCode, email, password, ca })
}

/** Enrols a device whole; returns its id. */
async function enrol(rig: LoginRig, key = generateDeviceKey(), who = ALICE): Promise<string> {
  const { userCode, deviceCode } = await beginEnrolment(rig, { key })
  await logIn(rig, userCode, who)
  const { body } = await pollEnrolment(rig, deviceCode)
  return String(body['device_id'])
}

test('D7: the daemon enrols while a person logs in, and holds a certificate for its key', async (t) => {
  const rig = await startLoginRig(t)
  const device = { key: generateDeviceKey(), name: 'laptop' }
  const pages: Promise<{ html: string }>[] = []
  const enrolled = await enrolDevice(
    { url: rig.url, ca: rig.gatewayCa.certificatePem },
    device,
    ({ verificationUrl, userCode, keyWords }) => {
      t.regex(keyWords, /^[a-z]+( [a-z]+){3}$/)
      const { email, password } = ALICE
      pages.push(completeLogin({ verificationUrl, userCode, email, password, ca: rig.ca }))
    },
    AbortSignal.timeout(100_000),
  )
  if (!enrolled.ok) return t.fail(enrolled.error.reason)
  const [done] = await Promise.all(pages)
  t.regex(done?.html ?? '', /Device connected/)
  const leaf = new X509Certificate(enrolled.value.certificate)
  t.is(leaf.subjectAltName, `URI:urn:zt:device:${enrolled.value.device_id}`)
  t.is(enrolled.value.user_email, 'alice@example.com')
  t.is(enrolled.value.tunnel_url, 'https://gw.example.com:8443')
  const registered = rig.store.devices.get(enrolled.value.device_id)
  t.like(registered, { name: 'laptop', certificateNotAfterMs: Date.parse(leaf.validTo) })
  const user = rig.store.users.get(registered?.userId ?? '')
  t.like(user, { email: 'alice@example.com', provider: 'corp', name: 'Alice' })
  t.deepEqual(user?.groups, ['engineers'])
})

test('D7: the gateway CA can be fetched and compared with a fingerprint', async (t) => {
  const rig = await startLoginRig(t)
  const digest = new X509Certificate(rig.gatewayCa.certificatePem).fingerprint256
  const sha256 = digest.replaceAll(':', '').toLowerCase()
  const fetched = await fetchGatewayCa({ url: rig.url }, sha256)
  t.true(fetched.ok && fetched.value.trim() === rig.gatewayCa.certificatePem.trim())
})

test('D7: a code works once, at the page and at the device', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode, deviceCode } = await beginEnrolment(rig)
  t.is((await pollEnrolment(rig, deviceCode)).body['error'], 'authorization_pending')
  await logIn(rig, userCode)
  const again = await rig.browser().open(rig.verificationUrl)
  const refused = await rig
    .browser()
    .open(rig.verificationUrl)
    .then(() => rig.browser().submit(formWith(again, 'user_code'), { user_code: userCode }))
  t.is(refused.status, 403)
  const polls = await Promise.all([
    pollEnrolment(rig, deviceCode),
    rig.post('/enrol/token', { device_code: deviceCode }),
  ])
  t.is(polls.filter(({ status }) => status === 200).length, 1)
  t.is((await pollEnrolment(rig, deviceCode)).body['error'], 'invalid_grant')
  t.is(rig.store.devices.list().length, 1)
})

test('D7: a used code is unknown at the page', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode } = await beginEnrolment(rig)
  await logIn(rig, userCode)
  await t.throwsAsync(() => logIn(rig, userCode), { message: /unknown or has expired/ })
})

test('D7: polling without a pause is told to slow down', async (t) => {
  const rig = await startLoginRig(t)
  const { deviceCode } = await beginEnrolment(rig)
  rig.clock.stoppedAtMs = Date.now()
  await pollEnrolment(rig, deviceCode)
  const hasty = await rig.post('/enrol/token', { device_code: deviceCode })
  t.is(hasty.status, 400)
  t.is(hasty.body['error'], 'slow_down')
})

test('D7: after ten minutes both codes are refused', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode, deviceCode } = await beginEnrolment(rig)
  rig.clock.aheadMs += 600_000
  t.is((await pollEnrolment(rig, deviceCode)).body['error'], 'expired_token')
  await t.throwsAsync(() => logIn(rig, userCode), { message: /unknown or has expired/ })
})

test('D7: a code that expires during the login gives no device', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode, deviceCode } = await beginEnrolment(rig)
  const browser = rig.browser()
  const { verificationUrl } = rig
  const confirm = await loginUpToConfirm(browser, { verificationUrl, userCode, ...ALICE })
  rig.clock.aheadMs += 600_000
  const late = await browser.submit(formWith(confirm, 'decision'), {}, 'approve')
  t.is(late.status, 400)
  t.is((await pollEnrolment(rig, deviceCode)).body['error'], 'expired_token')
})

test('D7: an unknown device code is refused', async (t) => {
  const rig = await startLoginRig(t)
  t.is((await pollEnrolment(rig, 'nonsense')).body['error'], 'invalid_grant')
})

test('D7: denied in the browser is denied at the device', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode, deviceCode } = await beginEnrolment(rig)
  const browser = rig.browser()
  const { verificationUrl } = rig
  const confirm = await loginUpToConfirm(browser, { verificationUrl, userCode, ...ALICE })
  const denied = await browser.submit(formWith(confirm, 'decision'), {}, 'deny')
  t.regex(text(denied), /not let in/)
  t.is((await pollEnrolment(rig, deviceCode)).body['error'], 'access_denied')
  t.deepEqual(rig.store.devices.list(), [])
})

test('D7: a fresh login of the same user keeps the registration and moves its login time', async (t) => {
  const rig = await startLoginRig(t)
  const key = generateDeviceKey()
  const id = await enrol(rig, key)
  const before = rig.store.devices.get(id)?.login.atMs ?? 0
  rig.clock.aheadMs += 3_600_000
  t.is(await enrol(rig, key), id)
  t.true((rig.store.devices.get(id)?.login.atMs ?? 0) >= before + 3_600_000)
  t.is(rig.store.devices.list().length, 1)
})

test('D7: a fresh login by another user is refused as different_user, at page and device', async (t) => {
  const rig = await startLoginRig(t)
  const key = generateDeviceKey()
  const id = await enrol(rig, key)
  const owner = rig.store.devices.get(id)
  const { userCode, deviceCode } = await beginEnrolment(rig, { key })
  const { verificationUrl } = rig
  const refused = loginUpToConfirm(rig.browser(), { verificationUrl, userCode, ...BOB })
  const page = await refused
  t.is(page.status, 403)
  t.regex(text(page), /different_user/)
  t.is((await pollEnrolment(rig, deviceCode)).body['error'], 'different_user')
  t.deepEqual(rig.store.devices.get(id), owner)
  t.true(rig.logged.some((line) => line.includes('different_user')))
})

test('D7: of two users who enrol one key, the second is refused as already_enrolled', async (t) => {
  const rig = await startLoginRig(t)
  const key = generateDeviceKey()
  const first = await beginEnrolment(rig, { key })
  const second = await beginEnrolment(rig, { key })
  await logIn(rig, first.userCode, ALICE)
  await logIn(rig, second.userCode, BOB)
  t.is((await pollEnrolment(rig, first.deviceCode)).status, 200)
  t.is((await pollEnrolment(rig, second.deviceCode)).body['error'], 'already_enrolled')
  t.is(rig.store.devices.list().length, 1)
})

test('D7: the key of a revoked device gets no codes, and none that it has works', async (t) => {
  const rig = await startLoginRig(t)
  const key = generateDeviceKey()
  const id = await enrol(rig, key)
  const { userCode, deviceCode } = await beginEnrolment(rig, { key })
  await logIn(rig, userCode)
  rig.store.devices.update(id, { revokedAtMs: 1 })
  t.is((await beginEnrolment(rig, { key })).answer.body['error'], 'device_revoked')
  t.is((await pollEnrolment(rig, deviceCode)).body['error'], 'device_revoked')
})

test('D7: neither code, nor cookie, nor anything of the provider stands in log or store', async (t) => {
  const rig = await startLoginRig(t)
  const { userCode, deviceCode } = await beginEnrolment(rig)
  await logIn(rig, userCode)
  await pollEnrolment(rig, deviceCode)
  const seen = rig.logged.join('\n')
  const secrets = [userCode, userCode.replace('-', ''), deviceCode, rig.idp.clientSecret]
  for (const secret of [...secrets, ALICE.password]) t.false(seen.includes(secret))
  t.true(seen.includes('device enrolled'))
})
