import test from 'ava'
import { adminCheck, hashAdminSecret, newAdminSecret } from '../../../gateway/keys/admin-secret.ts'

test('the right secret passes, again and again; any other does not, before and after', async (t) => {
  const secret = newAdminSecret()
  const stored = await hashAdminSecret(secret)
  t.false(stored.includes(secret))
  const made = adminCheck(stored)
  if (!made.ok) return t.fail(made.error.reason)
  const check = made.value
  t.false(await check(newAdminSecret()))
  t.true(await check(secret))
  t.true(await check(secret))
  t.false(await check(newAdminSecret()))
})

const wrong = {
  empty: '',
  short: 'abc',
  'with a line break': `${'a'.repeat(43)}\n`,
  long: 'a'.repeat(1e6),
}
for (const [what, secret] of Object.entries(wrong)) {
  test(`a secret that is ${what} does not pass`, async (t) => {
    const made = adminCheck(await hashAdminSecret(newAdminSecret()))
    if (!made.ok) return t.fail(made.error.reason)
    t.false(await made.value(secret))
  })
}

test('two hashes of one secret differ', async (t) => {
  const secret = newAdminSecret()
  t.not(await hashAdminSecret(secret), await hashAdminSecret(secret))
})

test('a secret is 32 octets and never the same', (t) => {
  t.is(Buffer.from(newAdminSecret(), 'base64url').length, 32)
  t.not(newAdminSecret(), newAdminSecret())
})

for (const stored of ['', 'hunter2', '$scrypt$ln=1,r=1,p=1$aaaaaaaaaaaaaaaaaaaaaa$x']) {
  test(`a stored hash ${JSON.stringify(stored)} is refused`, (t) =>
    t.deepEqual(adminCheck(stored), { ok: false, error: { reason: 'bad_hash' } }))
}
