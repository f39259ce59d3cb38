import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { certificateRequest, generateDeviceKey } from '../../../daemon/enrol/device-key.ts'
import { matchCa, parseFingerprint, parseLoginUrl } from '../../../daemon/enrol/gateway-trust.ts'
import { identityStoreIn } from '../../../daemon/enrol/identity-store.ts'
import {
  decodeRegistration,
  encodeRegistration,
  planRenewal,
  type Registration,
  validityOf,
} from '../../../daemon/enrol/registration.ts'
import { throwawayCa } from '../../support/throwaway-ca.ts'

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'zt-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return join(folder, 'state')
}

const sample: Registration = {
  version: 1,
  loginUrl: 'https://login.example.com',
  tunnelUrl: 'https://gw.example.com:8443',
  deviceId: 'd',
  userEmail: 'alice@example.com',
  ownerUid: 1000,
  key: 'k',
  certificate: 'c',
  gatewayCa: 'g',
}

test('D7 a certificate request holds our P-256 key and is signed by it, as openssl sees it', async (t) => {
  const csr = await certificateRequest(generateDeviceKey())
  const text = execFileSync('openssl', ['req', '-noout', '-text', '-verify'], {
    input: csr,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  t.regex(text, /NIST CURVE: P-256/)
})

test('D7 the registration is kept 0600 in a 0700 folder and comes back equal', (t) => {
  const folder = folderOf(t)
  const store = identityStoreIn(folder)
  t.deepEqual(store.load(), { ok: true, value: undefined })
  store.save(sample)
  t.is(statSync(join(folder, 'registration.json')).mode & 0o777, 0o600)
  t.is(statSync(folder).mode & 0o777, 0o700)
  t.deepEqual(store.load(), { ok: true, value: sample })
  store.forget()
  t.deepEqual(store.load(), { ok: true, value: undefined })
})

test('D7 posture requests that an earlier version kept are read over', (t) => {
  const settings = { domains: [], prefixes: [], others: 'direct' as const, sshHostAuthorities: [] }
  const kept = { ...sample, settings: { ...settings, postureRequests: [{ anything: 1 }] } }
  const value = { ...sample, settings }
  t.deepEqual(decodeRegistration(JSON.stringify(kept)), { ok: true, value })
})

test('D7 a registration that others can read is refused', (t) => {
  const folder = folderOf(t)
  const store = identityStoreIn(folder)
  store.save(sample)
  chmodSync(join(folder, 'registration.json'), 0o640)
  const loaded = store.load()
  t.is(loaded.ok ? 'loaded' : loaded.error.reason, 'registration_open_to_others')
})

const damaged = {
  nothing: '',
  'no JSON': '{',
  'a missing key': JSON.stringify({ ...sample, key: undefined }),
  'another version': JSON.stringify({ ...sample, version: 2 }),
}
for (const [title, text] of Object.entries(damaged)) {
  test(`D7 a registration with ${title} is refused`, (t) => t.false(decodeRegistration(text).ok))
}

test('D7 a registration survives encoding; arbitrary text never throws', (t) => {
  t.deepEqual(decodeRegistration(encodeRegistration(sample)), { ok: true, value: sample })
  const property = fc.property(fc.string(), (text) => !decodeRegistration(text).ok)
  t.notThrows(() => fc.assert(property))
})

test('D7 a certificate is renewed from half of its life on, for 30 days after its end', async (t) => {
  const ca = await throwawayCa('test')
  const { certPem } = await ca.issue('device')
  const { notBeforeMs, notAfterMs } = validityOf(certPem)
  const half = (notBeforeMs + notAfterMs) / 2
  const day = 24 * 3600 * 1000
  t.deepEqual(planRenewal(certPem, half - 1000), { action: 'wait', waitMs: 1000 })
  t.deepEqual(planRenewal(certPem, half), { action: 'renew' })
  t.deepEqual(planRenewal(certPem, notAfterMs + 30 * day - 1), { action: 'renew' })
  t.deepEqual(planRenewal(certPem, notAfterMs + 30 * day), { action: 'enrol_again' })
})

test('D7 a CA is taken only with the printed fingerprint', async (t) => {
  const ca = await throwawayCa('test')
  const printed = execFileSync('openssl', ['x509', '-noout', '-fingerprint', '-sha256'], {
    input: ca.caPem,
    encoding: 'utf8',
  })
  const fingerprint = parseFingerprint(printed.trim().split('=')[1] ?? '')
  if (!fingerprint.ok) return t.fail()
  t.true(matchCa(ca.caPem, fingerprint.value).ok)
  const other = await throwawayCa('test')
  t.deepEqual(matchCa(other.caPem, fingerprint.value), {
    ok: false,
    error: { reason: 'fingerprint_mismatch' },
  })
  t.deepEqual(matchCa('junk', fingerprint.value), { ok: false, error: { reason: 'bad_ca' } })
  const { certPem } = await ca.issue('leaf')
  return t.deepEqual(matchCa(certPem, fingerprint.value), {
    ok: false,
    error: { reason: 'bad_ca' },
  })
})

for (const text of ['', 'abc', 'z'.repeat(64), `${'a'.repeat(64)}0`]) {
  test(`D7 ${JSON.stringify(text)} is no fingerprint`, (t) => t.false(parseFingerprint(text).ok))
}

for (const text of [
  '',
  'http://login.example.com',
  'https://u:p@login.example.com',
  'https://login/x',
  'login',
]) {
  test(`D7 ${JSON.stringify(text)} is no login origin`, (t) => t.false(parseLoginUrl(text).ok))
}

test('D7 the file on disk is what was encoded', (t) => {
  const folder = folderOf(t)
  identityStoreIn(folder).save(sample)
  t.is(readFileSync(join(folder, 'registration.json'), 'utf8'), encodeRegistration(sample))
})
