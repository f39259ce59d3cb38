import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { parseCertificate } from '#lib/ssh/certificate'
import { AuthorityUnavailable, randomSerial, requestCertificate } from '#lib/ssh/certificate-mint'
import { printPrivateKey } from '#lib/ssh/private-key'
import { fingerprint, publicKeyBlob } from '#lib/ssh/public-key'
import { signerFor } from '#lib/ssh/signature'
import { createKeys } from '../../../gateway/keys/new-keys-store.ts'
import {
  openSshAuthorities,
  type SshAuthorities,
} from '../../../gateway/ssh-ca/ssh-authorities-store.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { makeSoftToken } from '../../support/soft-token.ts'
import { startSshAgent } from '../../support/ssh-agent.ts'
import { KeyFolder } from '../../support/ssh-keygen.ts'

const NOW_MS = 1_800_000_000_000
const DAY_MS = 86_400_000
const NEW = { kind: 'generate', type: 'ed25519' } as const

/** Authorities as after `init`; `open` again stands for a restart. */
async function world(t: ExecutionContext) {
  const parent = mkdtempSync(join(tmpdir(), 'zt-ssh-ca-'))
  t.teardown(() => rmSync(parent, { recursive: true }))
  const dir = join(parent, 'keys')
  await createKeys(dir, { organisation: 'Test', nowMs: NOW_MS })
  const store = openMemoryStore()
  const clock = { nowMs: NOW_MS }
  const open = (isSuitable?: (type: string) => boolean) =>
    openSshAuthorities({ store, dir, now: () => clock.nowMs, ...(isSuitable && { isSuitable }) })
  const opened = open()
  if (!opened.ok) throw new Error(opened.error.message)
  return { dir, store, clock, open, authorities: opened.value }
}

async function certify(authorities: SshAuthorities, name: 'user' | 'client' = 'user') {
  const blob = await requestCertificate({
    subject: signerFor(generateKeyPairSync('ed25519').privateKey).blob,
    authority: authorities.signer(name),
    ...{ kind: 'user', keyId: 'zt:ann:1', principals: ['demo'], serial: randomSerial() },
    ...{ validAfterSeconds: NOW_MS / 1000, validBeforeSeconds: NOW_MS / 1000 + 60 },
  })
  const parsed = parseCertificate(blob)
  if (!parsed.ok) throw new Error(parsed.error.reason)
  return parsed.value
}

test('S3: what init made are the first keys, and there is no client authority', async (t) => {
  const { dir, authorities, open } = await world(t)
  for (const name of ['user', 'host'] as const) {
    const [, line] = readFileSync(join(dir, `ssh-${name}-ca.pub`), 'utf8').split(' ')
    t.is(authorities.signer(name).blob.toString('base64'), line ?? '')
  }
  t.throws(() => authorities.signer('client'), { instanceOf: AuthorityUnavailable })
  t.deepEqual(authorities.blobs('client'), [])
  t.true(open().ok)
  t.is(authorities.list().length, 2)
})

test('S3: a rotation has the new key sign at once and the old one trusted for the overlap', async (t) => {
  const { authorities, clock, open, dir } = await world(t)
  const [old] = authorities.blobs('user')
  const rotated = await authorities.rotate('user', NEW, 7 * DAY_MS)
  if (!rotated.ok || old === undefined) return t.fail()
  const next = authorities.signer('user').blob
  t.is(fingerprint(next), rotated.value.id)
  t.false(next.equals(old))
  t.deepEqual(authorities.blobs('user'), [next, old])
  const { authority } = await certify(authorities)
  t.deepEqual(authority.blob, next)
  const restarted = open()
  t.deepEqual(restarted.ok && restarted.value.blobs('user'), [next, old])
  for (const file of readdirSync(dir)) t.is(statSync(join(dir, file)).mode & 0o777, 0o600, file)
  clock.nowMs += 7 * DAY_MS
  t.deepEqual(authorities.blobs('user'), [next])
  t.deepEqual(
    authorities
      .list()
      .map(({ name, state }) => `${name} ${state}`)
      .sort(),
    ['host signing', 'user over', 'user signing'],
  )
  return undefined
})

test('S3: a second rotation leaves the end of the first overlap as it was', async (t) => {
  const { authorities, clock } = await world(t)
  await authorities.rotate('host', NEW, DAY_MS)
  await authorities.rotate('host', NEW, 9 * DAY_MS)
  t.is(authorities.blobs('host').length, 3)
  clock.nowMs += DAY_MS
  t.is(authorities.blobs('host').length, 2)
})

test('S3: an authority is made once, and one that is not there is not rotated', async (t) => {
  const { authorities } = await world(t)
  t.deepEqual(await authorities.rotate('client', NEW, 0), { ok: false, error: 'no_such_authority' })
  t.true((await authorities.create('client', NEW)).ok)
  t.deepEqual(await authorities.create('client', NEW), { ok: false, error: 'authority_exists' })
  const { authority } = await certify(authorities, 'client')
  t.deepEqual(authority.blob, authorities.blobs('client')[0])
})

test('S3: bring your own key: one of another authority, weak or locked is refused', async (t) => {
  const { authorities, dir } = await world(t)
  const keys = new KeyFolder()
  t.teardown(() => keys.remove())
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const made = await authorities.create('client', { kind: 'key', text: printPrivateKey(own, 'x') })
  t.is(made.ok && made.value.id, fingerprint(publicKeyBlob(createPublicKey(own))))
  const refused = async (text: string) => {
    const rotated = await authorities.rotate('client', { kind: 'key', text }, 0)
    return rotated.ok ? 'ok' : rotated.error
  }
  t.is(await refused(readFileSync(join(dir, 'ssh-user-ca.key'), 'utf8')), 'key_in_use')
  keys.keygen('-q', '-t', 'ed25519', '-N', 'secret', '-f', keys.file('locked'))
  t.is(await refused(readFileSync(keys.file('locked'), 'utf8')), 'encrypted_private_key')
  const weak = keys.makeKey('weak', '-t', 'rsa', '-b', '1024')
  t.is(await refused(readFileSync(weak, 'utf8')), 'unsuitable_key')
  t.is(await refused('no key'), 'bad_private_key')
  t.is(authorities.list().filter(({ name }) => name === 'client').length, 1)
})

test('S3 T23: a revoked authority signs nothing and is trusted no more', async (t) => {
  const { authorities, open } = await world(t)
  const certificate = await certify(authorities)
  const heard: boolean[] = []
  const stop = authorities.onChange(() => heard.push(authorities.isRevoked(certificate)))
  t.false(authorities.isRevoked(certificate))
  authorities.revoke({ kind: 'authority', value: fingerprint(certificate.authority.blob) })
  t.deepEqual(heard, [true])
  t.deepEqual(authorities.blobs('user'), [])
  t.throws(() => authorities.signer('user'), { instanceOf: AuthorityUnavailable })
  const restarted = open()
  t.true(restarted.ok && restarted.value.isRevoked(certificate))
  stop()
  t.true((await authorities.rotate('user', NEW, DAY_MS)).ok)
  t.false(authorities.isRevoked(await certify(authorities)))
  t.is(authorities.blobs('user').length, 1)
  t.is(heard.length, 1)
})

test('S3 T23: a serial and a key id are revoked, and no other', async (t) => {
  const { authorities } = await world(t)
  const certificate = await certify(authorities)
  authorities.revoke({ kind: 'serial', value: certificate.serial.toString() })
  t.true(authorities.isRevoked(certificate))
  t.false(authorities.isRevoked({ ...certificate, serial: certificate.serial ^ 1n }))
  authorities.revoke({ kind: 'key_id', value: 'zt:eve:1' })
  t.true(authorities.isRevoked({ ...certificate, serial: 1n, keyId: 'zt:eve:1' }))
})

test('S3: a key that is changed or opened to others is refused at start', async (t) => {
  const { dir, open } = await world(t)
  const file = join(dir, 'ssh-user-ca.key')
  chmodSync(file, 0o644)
  t.is(reasonOf(open()), 'bad_mode')
  chmodSync(file, 0o600)
  rmSync(file)
  t.is(reasonOf(open()), 'missing')
})

test('S3: the key of a PKCS#11 token signs through an agent (softhsm2)', async (t) => {
  const { authorities } = await world(t)
  const keys = new KeyFolder()
  const token = makeSoftToken(keys)
  const agent = await startSshAgent(token.env)
  t.teardown(async () => {
    await agent.stop()
    keys.remove()
  })
  agent.add(['-q', '-s', token.library], token.askpass)
  const blob = Buffer.from(agent.add(['-L']).split(' ')[1] ?? '', 'base64')
  const source = { kind: 'agent', socket: agent.socket, fingerprint: fingerprint(blob) } as const
  t.true((await authorities.rotate('user', source, DAY_MS)).ok)
  const certificate = await certify(authorities)
  t.deepEqual(certificate.authority.blob, blob)
  const unknown = { ...source, fingerprint: 'SHA256:none' }
  t.deepEqual(await authorities.rotate('user', unknown, 0), {
    ok: false,
    error: 'no_such_agent_key',
  })
  await agent.stop()
  await t.throwsAsync(certify(authorities), { instanceOf: AuthorityUnavailable })
  const away = { ...source, socket: '/nonexistent/agent' }
  t.deepEqual(await authorities.rotate('user', away, 0), { ok: false, error: 'agent_unreachable' })
})

function reasonOf(opened: ReturnType<typeof openSshAuthorities>): string {
  return opened.ok ? 'ok' : opened.error.reason
}
