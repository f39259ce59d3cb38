import { randomUUID, X509Certificate } from 'node:crypto'
import test from 'ava'
import type { Device } from '../../../gateway/store/store.ts'
import { admit } from '../../../gateway/tunnel/admission.ts'
import { readLeaf } from '../../../gateway/tunnel/leaf-certificate.ts'
import {
  issue,
  issueDevice,
  type LeafOptions,
  makeCa,
  newKeys,
} from '../../support/certificates.ts'

const ca = await makeCa('device ca')
const caCertificate = new X509Certificate(ca.pem)
const deviceId = randomUUID()
const nowMs = Date.now()

async function reasonOf(change: Partial<LeafOptions>, issuer = ca): Promise<string> {
  const { certificate } = await issueDevice(issuer, deviceId, change)
  const read = readLeaf(new X509Certificate(certificate), caCertificate, nowMs)
  return read.ok ? 'read' : read.error.reason
}

test('T90: a device certificate names its device, its key and its end', async (t) => {
  const { certificate, keySha256 } = await issueDevice(ca, deviceId)
  const leaf = new X509Certificate(certificate)
  const notAfterMs = Date.parse(leaf.validTo)
  t.deepEqual(readLeaf(leaf, caCertificate, nowMs), {
    ok: true,
    value: { deviceId, keySha256, notAfterMs },
  })
  t.false(readLeaf(leaf, caCertificate, notAfterMs).ok)
})

const url = (value: string) => [{ type: 'url', value }] as const
const notDevices: Record<string, Partial<LeafOptions>> = {
  'with a server usage': { usage: 'serverAuth' },
  'that is an authority': { isCa: true },
  'with another kind of name': { names: [{ type: 'dns', value: 'gw' }] },
  'with two names': {
    names: [...url(`urn:zt:device:${deviceId}`), ...url(`urn:zt:device:${randomUUID()}`)],
  },
  'whose name goes on after the id': { names: [...url(`urn:zt:device:${deviceId}, URI:x`)] },
  'with an id that is no UUID': { names: [...url('urn:zt:device:../../x')] },
}
for (const [title, change] of Object.entries(notDevices)) {
  test(`T90: refuses a certificate ${title}`, async (t) => {
    t.is(await reasonOf(change), 'not_a_device_certificate')
  })
}

test('T90: refuses an expired and a not yet valid certificate', async (t) => {
  t.is(await reasonOf({ notAfterMs: nowMs - 1000 }), 'device_expired')
  t.is(await reasonOf({ notBeforeMs: nowMs + 60_000 }), 'device_expired')
})

test('T90: refuses a leaf of another authority, even under the same name', async (t) => {
  const other = await makeCa('device ca')
  t.is(await reasonOf({}, other), 'not_issued_by_device_ca')
})

test('T90: refuses a leaf issued by an authority below the device CA', async (t) => {
  const keys = await newKeys()
  await issue(ca, { names: [...url('urn:zt:x')], usage: 'clientAuth', isCa: true, keys })
  const below = { ...ca, name: 'test leaf', keys }
  t.is(await reasonOf({}, below), 'not_issued_by_device_ca')
})

const leaf = { deviceId, keySha256: 'aa', notAfterMs: nowMs + 1000 }
const device: Device = {
  id: deviceId,
  userId: 'u',
  name: 'laptop',
  keySha256: 'aa',
  enrolledAtMs: 0,
  login: { atMs: 0 },
}
const admissions: Record<string, readonly [Device | undefined, number, string]> = {
  'lets a registered device in': [device, nowMs, 'admitted'],
  'refuses a device that is not registered': [undefined, nowMs, 'device_unknown'],
  'refuses a key that is not the registered one': [
    { ...device, keySha256: 'bb' },
    nowMs,
    'device_unknown',
  ],
  'refuses a revoked device': [{ ...device, revokedAtMs: 1 }, nowMs, 'device_revoked'],
  'refuses at notAfter': [device, nowMs + 1000, 'device_expired'],
}
for (const [title, [row, atMs, wanted]] of Object.entries(admissions)) {
  test(`admission: ${title}`, (t) => {
    const admitted = admit(leaf, row, atMs)
    t.is(admitted.ok ? 'admitted' : admitted.error.reason, wanted)
  })
}
