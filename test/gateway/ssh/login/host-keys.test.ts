import { generateKeyPairSync, randomBytes } from 'node:crypto'
import test from 'ava'
import { AuthorityUnavailable } from '#lib/ssh/certificate-mint'
import { signerFor } from '#lib/ssh/signature'
import { HostKeys, type HostKeysOrder } from '../../../../gateway/ssh/login/host-keys.ts'

const HOUR_SECONDS = 3600
const newAuthority = () => signerFor(generateKeyPairSync('ed25519').privateKey)
const ORDER: HostKeysOrder = {
  authority: newAuthority(),
  seed: randomBytes(32),
  host: 'db1.corp.internal',
  port: 22,
  names: ['db1.corp.internal', 'db1'],
  nowSeconds: 500_000 * HOUR_SECONDS,
}

test('S1: connections to one target share one host certificate within an hour', async (t) => {
  const keys = new HostKeys()
  const first = await keys.obtain(ORDER)
  t.deepEqual(
    first.map(({ algorithm }) => algorithm),
    ['ssh-ed25519-cert-v01@openssh.com', 'ssh-ed25519'],
  )
  const later = { ...ORDER, nowSeconds: ORDER.nowSeconds + HOUR_SECONDS - 1 }
  t.is(await keys.obtain(later), first)
})

const others: Record<string, Partial<HostKeysOrder>> = {
  'an hour later': { nowSeconds: ORDER.nowSeconds + HOUR_SECONDS },
  'under another authority': { authority: newAuthority() },
  'under another name': { names: ['db1.corp.internal', 'db'] },
  'at another port': { port: 2222 },
  'for another host': { host: 'db2.corp.internal', names: ['db2.corp.internal', 'db1'] },
}
for (const [title, other] of Object.entries(others)) {
  test(`S1 T30: a certificate is not used again ${title}`, async (t) => {
    const keys = new HostKeys()
    const [first] = await keys.obtain(ORDER)
    const [second] = await keys.obtain({ ...ORDER, ...other })
    t.notDeepEqual(second?.blob, first?.blob)
  })
}

test('S1: an authority out of reach leaves nothing behind', async (t) => {
  const keys = new HostKeys()
  const sign = (): never => {
    throw new AuthorityUnavailable('gone')
  }
  const away = { ...ORDER, authority: { ...ORDER.authority, sign } }
  await t.throwsAsync(keys.obtain(away), { instanceOf: AuthorityUnavailable })
  t.is((await keys.obtain(ORDER)).length, 2)
})

test('S1: keys are kept for a bounded number of names', async (t) => {
  const keys = new HostKeys()
  const first = await keys.obtain(ORDER)
  for (let port = 1000; port < 2000; port++) await keys.obtain({ ...ORDER, port })
  t.not(await keys.obtain(ORDER), first)
})
