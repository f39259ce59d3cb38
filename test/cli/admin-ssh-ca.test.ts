/** `zt admin ssh-ca` against the real admin API, and its products against a real sshd. */
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { Command } from 'commander'
import { err, ok } from '#lib/result'
import { randomSerial, requestCertificate } from '#lib/ssh/certificate-mint'
import { printPrivateKey } from '#lib/ssh/private-key'
import { printPublicKeyLine } from '#lib/ssh/public-key-line'
import { signerFor } from '#lib/ssh/signature'
import type { CliIo } from '../../cli/cli-io.ts'
import { addSshCaCommands } from '../../cli/commands/admin-ssh-ca.ts'
import { secretFiles } from '../../cli/secret-file-os.ts'
import { readText, writeFile } from '../../cli/text-file-os.ts'
import { openMemoryStore } from '../../gateway/store/memory-store.ts'
import { type ApiAnswer, startAdminRig } from '../support/admin-rig.ts'
import { runProgram } from '../support/run-program.ts'
import { sampleAuthorities } from '../support/ssh-authorities.ts'
import { KeyFolder } from '../support/ssh-keygen.ts'
import { startSshd } from '../support/sshd.ts'

/** The API with authorities whose clock is the machine's, and `zt admin ssh-ca`. */
async function world(t: ExecutionContext) {
  const store = openMemoryStore()
  const authorities = sampleAuthorities(t, store)
  const rig = await startAdminRig(t, {
    change: { sshAuthorities: authorities, store, nowMs: Date.now },
  })
  const folder = new KeyFolder()
  t.teardown(() => folder.remove())
  const take = ({ status, json }: ApiAnswer) => {
    if (status === 200) return ok(json)
    const { code, message } = (json as { error: { code: string; message: string } }).error
    return err({ code, message, exitCode: 1 })
  }
  async function zt(...args: string[]) {
    const printed: string[] = []
    const io = {
      print: (line: string) => printed.push(line),
      warn: (line: string) => printed.push(line),
      ...{ readText, writeFile, secrets: secretFiles },
      admin: {
        getJson: async (path: string) => take(await rig.get(path)),
        postJson: async (path: string, body: unknown) => take(await rig.post(path, body)),
        getBytes: async (path: string) => ok([(await rig.get(path)).octets]),
      },
    } as unknown as CliIo
    let code = -1
    const admin = new Command('admin').exitOverride()
    addSshCaCommands(admin, io, async (action) => {
      code = await action()
    })
    await admin.parseAsync(['node', 'zt', 'ssh-ca', ...args])
    return { code, text: printed.join('\n') }
  }
  /** A certificate of the user authority, in files for ssh. */
  async function certificate(name: string, user: string, authority: 'user' | 'client' = 'user') {
    const key = generateKeyPairSync('ed25519').privateKey
    const serial = randomSerial()
    const now = Math.floor(Date.now() / 1000)
    const blob = await requestCertificate({
      ...{ subject: signerFor(key).blob, authority: authorities.signer(authority), kind: 'user' },
      ...{ keyId: `zt:ann@example.com:${name}`, principals: [user], serial },
      ...{ validAfterSeconds: now - 60, validBeforeSeconds: now + 600 },
      extensions: ['permit-pty'],
    })
    writeFileSync(folder.file(name), printPrivateKey(key, name), { mode: 0o600 })
    writeFileSync(folder.file(`${name}-cert.pub`), `${printPublicKeyLine(blob)}\n`)
    return serial
  }
  return { ...{ rig, authorities, folder, zt, certificate } }
}

test('S3: create, list, show and rotate', async (t) => {
  const { zt, folder } = await world(t)
  t.is((await zt('show', 'client')).code, 1)
  const made = await zt('create', 'client')
  t.regex(made.text, /^ssh-ed25519 \S+ zt-ssh-client-ca$/)
  t.is((await zt('show', 'client')).text, made.text)
  t.regex((await zt('create', 'client')).text, /rotate it/)
  const rotated = await zt('rotate', 'client', '--type', 'ecdsa', '--overlap', '2h')
  t.is((await zt('show', 'client')).text, `${rotated.text}\n${made.text}`)
  const keyFile = folder.makeKey('own', '-t', 'ecdsa', '-b', '256')
  const own = await zt('rotate', 'client', '--key', keyFile, '--json')
  t.is(JSON.parse(own.text).publicKey.split(' ')[1], folder.blob('own.pub').toString('base64'))
  const { text } = await zt('list')
  t.regex(text, /client +│ signing +│ SHA256:/)
  t.regex(text, /client +│ retired \(/)
  t.regex(text, /user +│ signing +│ SHA256:\S+ +│ file/)
  t.is((await zt('rotate', 'nobody')).code, 1)
  t.is((await zt('rotate', 'user', '--agent', '/nonexistent')).code, 2)
  const away = await zt('rotate', 'user', '--agent', '/nonexistent', '--fingerprint', 'SHA256:x')
  t.regex(away.text, /agent/)
})

test('S3 T23: a real sshd set up by host-setup takes the certificate until it is revoked', async (t) => {
  const { zt, folder, certificate } = await world(t)
  const config = { file: '' }
  const setUp = async (...args: string[]) => {
    const script = (await zt('host-setup', ...args)).text
    execFileSync('sh', { input: script, env: { ...process.env, ZT_SSH_DIR: folder.path } })
    config.file = folder.file('sshd_config.d/zt.conf')
  }
  await setUp()
  const sshd = await startSshd({ config: readFileSync(config.file, 'utf8').trim().split('\n') })
  t.teardown(() => sshd.stop())
  const login = async (name: string): Promise<string> => {
    const ran = await runProgram([
      'ssh',
      ...['-F', 'none', '-i', folder.file(name), '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
      ...['-o', `CertificateFile=${folder.file(`${name}-cert.pub`)}`, '-o', 'IdentityAgent=none'],
      ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
      ...['-p', `${sshd.port}`, `${sshd.user}@${sshd.address}`, 'echo in'],
    ])
    return ran.stdout
  }

  const serial = await certificate('one', sshd.user)
  await certificate('two', sshd.user)
  await certificate('three', sshd.user)
  t.is(await login('one'), 'in\n')
  await zt('revoke', '--serial', serial.toString())
  await zt('revoke', '--key-id', 'zt:ann@example.com:two')
  t.is((await zt('krl', '--out', folder.file('zt_krl'))).code, 0)
  t.is(await login('one'), '')
  t.is(await login('two'), '')
  await sshd.logged(/revoked/i)
  t.is(await login('three'), 'in\n')

  await zt('rotate', 'user')
  await certificate('four', sshd.user)
  t.is(await login('four'), '')
  await setUp()
  t.is(await login('four'), 'in\n')
  t.is(await login('three'), 'in\n')
  const authorities = JSON.parse((await zt('list', '--json')).text) as {
    name: string
    state: string
    fingerprint: string
  }[]
  const retired = authorities.find(({ name, state }) => name === 'user' && state === 'retired')
  await zt('revoke', '--ca', retired?.fingerprint ?? '')
  await zt('krl', '--out', folder.file('zt_krl'))
  t.is(await login('three'), '')
  t.is(await login('four'), 'in\n')
})

test('S2: a host trusts the client authority only when it is told to', async (t) => {
  const { zt, folder, certificate } = await world(t)
  await zt('create', 'client')
  const user = (await zt('show', 'user')).text
  const client = (await zt('show', 'client')).text
  t.true((await zt('host-setup')).text.includes(user))
  t.false((await zt('host-setup')).text.includes(client))
  t.true((await zt('host-setup', '--trust', 'user,client')).text.includes(client))
  const sshd = await startSshd({ userAuthorities: [user] })
  t.teardown(() => sshd.stop())
  await certificate('held', sshd.user, 'client')
  const refused = await runProgram([
    'ssh',
    ...['-F', 'none', '-i', folder.file('held'), '-o', 'BatchMode=yes', '-o', 'IdentityAgent=none'],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
    ...['-p', `${sshd.port}`, `${sshd.user}@${sshd.address}`, 'echo in'],
  ])
  t.regex(refused.stderr, /Permission denied/)
})

test('S3 T30: a host certified on demand proves its names to ssh, and no other', async (t) => {
  const { zt, folder } = await world(t)
  folder.makeKey('hostkey', '-t', 'ed25519')
  const out = folder.file('hostkey-cert.pub')
  const done = await zt(
    'sign-host',
    '--key',
    folder.file('hostkey.pub'),
    '--names',
    'db1.corp,127.0.0.1',
    '--out',
    out,
  )
  t.is(done.code, 0)
  const told = folder.keygen('-L', '-f', out)
  t.regex(told, /host certificate/)
  t.regex(told, /db1\.corp/)
  const config = [`HostKey ${folder.file('hostkey')}`, `HostCertificate ${out}`]
  folder.makeKey('login', '-t', 'ed25519')
  const keys = [readFileSync(folder.file('login.pub'), 'utf8').trim()]
  const sshd = await startSshd({ config, authorizedKeys: keys })
  t.teardown(() => sshd.stop())
  const known = folder.write('known', `@cert-authority * ${(await zt('show', 'host')).text}\n`)
  const login = async (name: string): Promise<string> => {
    const ran = await runProgram([
      'ssh',
      ...[
        '-F',
        'none',
        '-i',
        folder.file('login'),
        '-o',
        'BatchMode=yes',
        '-o',
        'IdentityAgent=none',
      ],
      ...['-o', `HostKeyAlias=${name}`, '-o', 'StrictHostKeyChecking=yes'],
      ...['-o', `UserKnownHostsFile=${known}`, '-p', `${sshd.port}`],
      ...[`${sshd.user}@${sshd.address}`, 'echo in'],
    ])
    return ran.stdout
  }
  t.is(await login('db1.corp'), 'in\n')
  t.is(await login('db2.corp'), '')
  const { text } = await zt('certificates', '--json')
  t.like(JSON.parse(text), [{ kind: 'host', principals: ['db1.corp', '127.0.0.1'] }])
})

test('S3 T22 T27: what is no host and no plain key is not certified', async (t) => {
  const { rig, folder } = await world(t)
  folder.makeKey('ca', '-t', 'ed25519')
  folder.makeKey('key', '-t', 'ed25519')
  folder.certify('ca', 'key', '-h', '-I', 'x', '-n', 'a')
  const line = (name: string) => readFileSync(folder.file(name), 'utf8').trim()
  const post = async (publicKey: string, names: readonly string[]) =>
    (await rig.post('/api/v1/ssh-host-certificates', { publicKey, names })).status
  t.is(await post(line('key.pub'), ['db1']), 200)
  t.is(await post(line('key-cert.pub'), ['db1']), 400)
  t.is(await post('ssh-rsa AAAA', ['db1']), 400)
  for (const name of ['*', 'a b', 'db1,db2', 'a\nb', '$(id)', '-x', ''])
    t.is(await post(line('key.pub'), [name]), 400, name)
})

test('S3: bodies that are not understood change nothing', async (t) => {
  const { rig, authorities } = await world(t)
  for (const [path, body] of [
    ['/api/v1/ssh-authorities/user/rotate', { source: { type: 'dsa' } }],
    ['/api/v1/ssh-authorities/user/rotate', { source: { type: 'ed25519', agent: {} } }],
    ['/api/v1/ssh-authorities/user/rotate', { overlapSeconds: -1 }],
    ['/api/v1/ssh-revocations', {}],
    ['/api/v1/ssh-revocations', { serial: '0' }],
    ['/api/v1/ssh-revocations', { serial: '7', keyId: 'x' }],
    ['/api/v1/ssh-revocations', { authority: 'SHA256:x' }],
  ] as const) {
    t.is((await rig.post(path, body)).status, 400, JSON.stringify(body))
  }
  const unknown = { authority: `SHA256:${'A'.repeat(43)}` }
  t.is((await rig.post('/api/v1/ssh-revocations', unknown)).status, 404)
  t.is((await rig.post('/api/v1/ssh-authorities/nobody/rotate', {})).status, 404)
  t.is((await rig.post('/api/v1/ssh-authorities/client/rotate', {})).status, 404)
  t.deepEqual(authorities.revocations(), [])
  t.is(authorities.list().length, 2)
})
