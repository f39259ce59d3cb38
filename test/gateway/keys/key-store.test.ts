import { execFileSync } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type KeyRefusal, loadKeys } from '../../../gateway/keys/key-store.ts'
import { createKeys } from '../../../gateway/keys/new-keys-store.ts'

const AT = { organisation: 'Example', nowMs: Date.now() }

async function made(t: ExecutionContext) {
  const parent = mkdtempSync(join(tmpdir(), 'zt-keys-'))
  t.teardown(() => rmSync(parent, { recursive: true }))
  const dir = join(parent, 'keys')
  return { dir, ...(await createKeys(dir, AT)) }
}

test('keys that were made are readable by their owner only, and load', async (t) => {
  const { dir, recipientsSigner } = await made(t)
  t.is(statSync(dir).mode & 0o777, 0o700)
  for (const file of readdirSync(dir)) {
    t.is(statSync(join(dir, file)).mode & 0o777, 0o600, file)
  }
  const loaded = loadKeys(dir)
  if (!loaded.ok) return t.fail(loaded.error.message)
  t.is(loaded.value.hostSeed.symmetricKeySize, 32)
  t.true(loaded.value.recipientsSigner.equals(createPublicKey(recipientsSigner)))
})

test('S3: OpenSSH reads the public keys of the SSH authorities', async (t) => {
  const { dir } = await made(t)
  for (const name of ['ssh-user-ca', 'ssh-host-ca']) {
    const listing = execFileSync('ssh-keygen', ['-l', '-f', join(dir, `${name}.pub`)], {
      encoding: 'utf8',
    })
    t.regex(listing, new RegExp(`^256 SHA256:\\S+ zt ${name} \\(ED25519\\)`))
  }
})

test('the offline key is not among the files', async (t) => {
  const { dir, recipientsSigner } = await made(t)
  const pem = recipientsSigner.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const file of readdirSync(dir)) t.not(readFileSync(join(dir, file), 'utf8'), pem)
})

test('no two purposes share a key', async (t) => {
  const { dir } = await made(t)
  const texts = readdirSync(dir).map((file) => readFileSync(join(dir, file), 'latin1'))
  t.is(new Set(texts).size, texts.length)
})

test('keys print no key material', async (t) => {
  const { dir } = await made(t)
  const loaded = loadKeys(dir)
  if (!loaded.ok) return t.fail(loaded.error.message)
  t.false(/PRIVATE/.test(JSON.stringify(loaded.value)))
  t.is(JSON.stringify(loaded.value.hostSeed), '{}')
})

test('refuses to make keys where there are some', async (t) => {
  const { dir } = await made(t)
  const before = readFileSync(join(dir, 'device-ca.key'), 'utf8')
  await t.throwsAsync(createKeys(dir, AT), { code: 'EEXIST' })
  t.is(readFileSync(join(dir, 'device-ca.key'), 'utf8'), before)
})

const faults: Record<string, [(dir: string) => void, KeyRefusal['reason'], RegExp]> = {
  'a folder open to others': [(dir) => chmodSync(dir, 0o750), 'bad_mode', /chmod 0700/],
  'a key readable by the group': [
    (dir) => chmodSync(join(dir, 'device-ca.key'), 0o640),
    'bad_mode',
    /device-ca\.key.*chmod 0600/,
  ],
  'a key of another user': [
    (dir) => chownSync(join(dir, 'host-seed.key'), 12345, 12345),
    'bad_owner',
    /host-seed\.key/,
  ],
  'a missing key': [(dir) => rmSync(join(dir, 'token-signing.key')), 'missing', /zt-gateway init/],
  'a key that is a symbolic link': [
    (dir) => {
      renameSync(join(dir, 'evidence-signing.key'), join(dir, 'elsewhere'))
      symlinkSync(join(dir, 'elsewhere'), join(dir, 'evidence-signing.key'))
    },
    'bad_key',
    /evidence-signing\.key is not a file/,
  ],
  'a key of another type': [
    (dir) => copyFileSync(join(dir, 'ssh-user-ca.key'), join(dir, 'token-signing.key')),
    'bad_key',
    /no ec key/,
  ],
  'a file that is no key': [
    (dir) => writeFileSync(join(dir, 'device-ca.key'), 'my-secret-text'),
    'bad_key',
    /device-ca\.key cannot be read/,
  ],
  'a certificate of another key': [
    (dir) => copyFileSync(join(dir, 'gateway-ca.crt'), join(dir, 'device-ca.crt')),
    'bad_key',
    /device-ca\.crt is not the certificate/,
  ],
  'a seed that is too short': [
    (dir) => writeFileSync(join(dir, 'host-seed.key'), 'short'),
    'bad_key',
    /32 octets/,
  ],
}
for (const [what, [spoil, reason, message]] of Object.entries(faults)) {
  test(`refuses ${what}`, async (t) => {
    const { dir } = await made(t)
    spoil(dir)
    const loaded = loadKeys(dir)
    if (loaded.ok) return t.fail('was accepted')
    t.is(loaded.error.reason, reason)
    t.regex(loaded.error.message, message)
    t.notRegex(loaded.error.message, /my-secret-text/)
  })
}

test('refuses keys that are not there', (t) => {
  t.like(loadKeys('/nonexistent/keys'), { ok: false, error: { reason: 'missing' } })
})
