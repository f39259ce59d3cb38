/** `zt ssh-cert` through a real gateway and tunnel, into a real agent, against a real sshd. */
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import test, { type ExecutionContext } from 'ava'
import { Command } from 'commander'
import type { ControlRequest } from '#lib/api/control-api'
import { decodeSshCertificate, decodeSshCertificateRefusal } from '#lib/api/ssh-certificate-api'
import { err, ok } from '#lib/result'
import { addToAgent } from '#lib/ssh/agent-client'
import { parseCertificate } from '#lib/ssh/certificate'
import { parsePublicKeyLine, printPublicKeyLine } from '#lib/ssh/public-key-line'
import { signerFor } from '#lib/ssh/signature'
import { addSshCertCommand, type SshCertIo } from '../../../cli/commands/ssh-cert.ts'
import { secretFiles } from '../../../cli/secret-file-os.ts'
import { readText, writeFile } from '../../../cli/text-file-os.ts'
import { createTunnelClient } from '../../../daemon/tunnel/tunnel-client.ts'
import { issueDeviceCertificate } from '../../../gateway/keys/device-certificate.ts'
import { type OpenedGateway, openGateway, policySource } from '../../support/opened-gateway.ts'
import { runProgram } from '../../support/run-program.ts'
import { spkiDigest } from '../../support/spki.ts'
import { startSshAgent } from '../../support/ssh-agent.ts'
import { KeyFolder } from '../../support/ssh-keygen.ts'
import { startSshd } from '../../support/sshd.ts'
import { dialTcp } from '../../support/tunnel.ts'

const LINE = {
  name: 'staff',
  include: [{ email_domain: 'example.com' }],
  principals: ['deploy', 'root', '@email-local-part'],
}
const NEW = { kind: 'generate', type: 'ed25519' } as const
const KEY = printPublicKeyLine(signerFor(generateKeyPairSync('ed25519').privateKey).blob)

/** A gateway, and a device of demo@example.com on a tunnel to it. */
async function world(t: ExecutionContext, lines: readonly object[], ageMs = 1000) {
  const opened = await openGateway(t, policySource({ ssh_certificates: lines }))
  const device = await enrol(opened, ageMs)
  let look = () => {}
  const { port } = opened.gateway.addresses['tunnel'] ?? { port: 0 }
  const client = createTunnelClient({
    gateway: { host: 'gw.example.com', port },
    credentials: { ...device.credentials, gatewayCa: opened.caPem },
    dial: (to, signal) => dialTcp({ ...to, host: '127.0.0.1' }, signal),
    events: {
      ...{ onStatus: () => look(), onSettings() {}, onNotice() {} },
      ...{ onWelcome() {}, onPrompt() {}, onPromptEnded() {}, onCheckpoint() {}, onFlowsLost() {} },
    },
  })
  t.teardown(() => client.stop(0))
  const connected = new Promise<void>((resolve) => {
    look = () => client.status.userEmail !== undefined && resolve()
  })
  client.start()
  await connected
  async function ask(publicKey: string, principals: readonly string[] = []) {
    const body = JSON.stringify({ public_key: publicKey, principals })
    const answer = await client.post('/ssh-certificate', body)
    if (!answer.ok) throw new Error(answer.error.reason)
    const json: unknown = JSON.parse(answer.value.body)
    if (answer.value.status === 200) return { certificate: decodeSshCertificate(json) }
    return { status: answer.value.status, refusal: decodeSshCertificateRefusal(json) }
  }
  return { opened, ask, deviceId: device.id, userId: device.userId }
}

async function enrol({ data }: OpenedGateway, ageMs: number) {
  const { store, keys } = data
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = createPublicKey(privateKey)
  const keySha256 = spkiDigest(publicKey)
  const id = randomUUID()
  const atMs = Date.now() - ageMs
  const user = store.users.upsert({
    ...{ provider: 'corp', providerSubject: '1', email: 'demo@example.com', name: 'Demo' },
    ...{ groups: [], claims: {}, login: { atMs } },
  })
  const times = { enrolledAtMs: atMs, login: { atMs } }
  store.devices.insert({ id, userId: user.id, name: 'laptop', keySha256, ...times })
  const request = { publicKey, keySha256 }
  const issued = await issueDeviceCertificate(keys.deviceCa, request, id, Date.now())
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { id, userId: user.id, credentials: { key, certificate: issued.certificatePem } }
}

function certificateIn(line: string) {
  const parsed = parsePublicKeyLine(line)
  const certificate = parsed.ok ? parseCertificate(parsed.value.blob) : parsed
  if (!certificate.ok) throw new Error(certificate.error.reason)
  return certificate.value
}

/** `zt ssh-cert`, with the gateway behind it as the daemon asks it. */
function ztSshCert(ask: Awaited<ReturnType<typeof world>>['ask'], agentSocket?: string) {
  const printed: string[] = []
  const io = {
    print: (line: string) => printed.push(line),
    warn: (line: string) => printed.push(line),
    ...{ agentSocket, addToAgent, secrets: secretFiles, readText, writeFile, now: Date.now },
    async askDaemon(request: ControlRequest) {
      if (request.method !== 'ssh_certificate') throw new Error(request.method)
      const { certificate, refusal } = await ask(request.publicKey, request.principals)
      if (certificate !== undefined) return ok({ method: request.method, certificate })
      const { error: code, error_description: message } = refusal ?? {
        error: '',
        error_description: '',
      }
      return err({ code, message, exitCode: 1 })
    },
  } as unknown as SshCertIo
  return async (...args: string[]) => {
    let code = -1
    const program = new Command('zt').exitOverride().configureOutput({ writeErr: () => {} })
    addSshCertCommand(program, io, async (action) => {
      code = await action()
    })
    await program.parseAsync(['node', 'zt', 'ssh-cert', ...args])
    return { code, text: printed.splice(0).join('\n') }
  }
}

test('S2: ssh logs in by the certificate in the agent, where the host trusts the client authority', async (t) => {
  const { opened, ask, deviceId } = await world(t, [LINE])
  const { sshAuthorities, store } = opened.data
  await sshAuthorities.create('client', NEW)
  const agent = await startSshAgent()
  const [authority] = sshAuthorities.trusted('client')
  const sshd = await startSshd({ userAuthorities: [authority?.publicKey ?? ''] })
  t.teardown(async () => {
    await agent.stop()
    await sshd.stop()
  })
  const zt = ztSshCert(ask, agent.socket)
  const done = await zt('--principal', sshd.user, '--json')
  t.is(done.code, 0, done.text)
  const { serial } = JSON.parse(done.text) as { serial: string }
  const ssh = await runProgram([
    ...['ssh', '-F', 'none', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'],
    ...['-o', 'UserKnownHostsFile=/dev/null', '-o', `IdentityAgent=${agent.socket}`],
    ...['-p', `${sshd.port}`, `${sshd.user}@${sshd.address}`, 'echo in'],
  ])
  t.is(ssh.stdout, 'in\n', ssh.stderr)
  await sshd.logged(new RegExp(`ID zt:demo@example.com:${deviceId} \\(serial ${serial}\\)`))
  const [row] = store.sshCa.certificates({ limit: 9 })
  t.like(row, {
    id: serial,
    kind: 'user',
    principals: [sshd.user],
    deviceId,
    userEmail: 'demo@example.com',
  })
})

test('S2: into files, mode 0600, replaced by the next; ssh-keygen reads both', async (t) => {
  const { opened, ask } = await world(t, [LINE])
  await opened.data.sshAuthorities.create('client', NEW)
  const folder = new KeyFolder()
  t.teardown(() => folder.remove())
  const zt = ztSshCert(ask)
  const file = folder.file('id_zt')
  t.is((await zt()).code, 2)
  t.is((await zt('--out', file, '--agent')).code, 2)
  const foreign = folder.file('id_ed25519')
  writeFileSync(foreign, 'my own key')
  const refused = await zt('--out', foreign)
  t.is(refused.code, 2)
  t.regex(refused.text, /file_exists/)
  t.is(readFileSync(foreign, 'utf8'), 'my own key')
  for (const type of ['ed25519', 'ecdsa']) {
    const done = await zt('--out', file, '--key-type', type)
    t.is(done.code, 0, done.text)
    t.is(statSync(file).mode & 0o777, 0o600)
    const listing = folder.keygen('-L', '-f', `${file}-cert.pub`)
    t.regex(listing, /user certificate/)
    t.regex(listing, /Principals: \n +deploy\n +root\n +demo\n/)
    const [, blob = ''] = folder.keygen('-y', '-f', file).split(' ')
    t.is(certificateIn(listingLine(folder, file)).key.blob.toString('base64'), blob.trim())
  }
})

test('S2: nobody gets one by default, without the authority, or for another UNIX user', async (t) => {
  const closed = await world(t, [])
  t.like(await closed.ask(KEY), { refusal: { error: 'no_client_authority' } })
  await closed.opened.data.sshAuthorities.create('client', NEW)
  t.like(await closed.ask(KEY), { status: 403, refusal: { error: 'certificate_not_permitted' } })

  const other = { ...LINE, name: 'others', include: [{ email_domain: 'elsewhere.org' }] }
  const open = await world(t, [other, LINE])
  await open.opened.data.sshAuthorities.create('client', NEW)
  const asked = async (...principals: string[]) => (await open.ask(KEY, principals)).refusal?.error
  t.is(await asked('admin'), 'principal_not_permitted')
  t.is(await asked('deploy', 'admin'), 'principal_not_permitted')
  for (const hostile of ['*', 'deploy,admin', '-x', 'Deploy', 'deploy.', 'root\n', ''])
    t.true(['principal_not_permitted', 'invalid_request'].includes((await asked(hostile)) ?? ''))
  t.is(await asked('deploy', 'demo'), undefined)
  t.is(open.opened.data.store.sshCa.certificates({ limit: 9 }).length, 1)
})

test('S2: the certificate says what the line says, and no more', async (t) => {
  const line = {
    ...LINE,
    lifetime: '10m',
    extensions: ['permit-port-forwarding'],
    source_address: ['10.0.0.0/8', '2001:db8::/32'],
  }
  const { opened, ask, deviceId } = await world(t, [line])
  await opened.data.sshAuthorities.create('client', NEW)
  const { certificate } = await ask(KEY, ['deploy'])
  const parsed = certificateIn(certificate?.certificate ?? '')
  t.deepEqual(parsed.principals, ['deploy'])
  t.deepEqual([...parsed.extensions.keys()], ['permit-port-forwarding'])
  t.is(
    parsed.criticalOptions.get('source-address')?.subarray(4).toString(),
    '10.0.0.0/8,2001:db8::/32',
  )
  t.is(parsed.keyId, `zt:demo@example.com:${deviceId}`)
  const lives = Number(parsed.validBefore) - Date.now() / 1000
  t.true(lives > 500 && lives <= 600, `${lives}`)
})

test('S2: it ends with the session, and there is none for a session that is over or revoked', async (t) => {
  const HOUR_MS = 3_600_000
  const young = await world(t, [{ ...LINE, session_length: '1h' }], HOUR_MS / 2)
  await young.opened.data.sshAuthorities.create('client', NEW)
  const { certificate } = await young.ask(KEY)
  const { validBefore } = certificateIn(certificate?.certificate ?? '')
  t.true(Number(validBefore) * 1000 - Date.now() <= HOUR_MS / 2)
  const { store } = young.opened.data
  store.users.refresh('corp', '1', { groups: [], disabledAtMs: 1 })
  t.like(await young.ask(KEY), { refusal: { error: 'user_disabled' } })
  const old = await world(t, [{ ...LINE, session_length: '1h' }], 2 * HOUR_MS)
  await old.opened.data.sshAuthorities.create('client', NEW)
  t.like(await old.ask(KEY), { refusal: { error: 'session_expired' } })
})

test('S2 T22: a certificate, a weak key or none is not certified', async (t) => {
  const { opened, ask } = await world(t, [LINE])
  await opened.data.sshAuthorities.create('client', NEW)
  const folder = new KeyFolder()
  t.teardown(() => folder.remove())
  const { certificate } = await ask(KEY)
  folder.makeKey('weak', '-t', 'rsa', '-b', '1024')
  const weak = `ssh-rsa ${folder.blob('weak.pub').toString('base64')}`
  for (const line of [certificate?.certificate ?? '', weak, 'ssh-ed25519 AAAA', 'x'])
    t.like(await ask(line), { refusal: { error: 'bad_public_key' } }, line)
  t.like(await ask(''), { refusal: { error: 'invalid_request' } })
})

test('S2 T23: certificates that were held end with the device, and it gets no other', async (t) => {
  const { opened, ask, deviceId } = await world(t, [LINE])
  const { sshAuthorities } = opened.data
  await sshAuthorities.create('client', NEW)
  const { certificate } = await ask(KEY)
  const held = certificateIn(certificate?.certificate ?? '')
  t.false(sshAuthorities.isRevoked(held))
  sshAuthorities.revoke({ kind: 'key_id', value: held.keyId })
  t.true(sshAuthorities.isRevoked(held))
  t.like(await ask(KEY), { refusal: { error: 'certificate_revoked' } })

  const other = await world(t, [LINE])
  await other.opened.data.sshAuthorities.create('client', NEW)
  const again = await other.ask(KEY)
  const kept = certificateIn(again.certificate?.certificate ?? '')
  await revokeDevice(other.opened, other.deviceId)
  t.true(other.opened.data.sshAuthorities.isRevoked(kept))
  t.not(deviceId, other.deviceId)
})

test('S2: a device that asks too often waits', async (t) => {
  const { ask } = await world(t, [])
  const asked = Array.from({ length: 21 }, () => ask(KEY))
  const reasons = (await Promise.all(asked)).map(({ refusal }) => refusal?.error)
  t.is(reasons.filter((reason) => reason === 'too_many_requests').length, 1)
})

/** As an administrator does it. */
async function revokeDevice(opened: OpenedGateway, deviceId: string): Promise<void> {
  const host = 'admin.example.com'
  const sent = request({
    ...{ host: '127.0.0.1', port: opened.gateway.addresses['admin']?.port, servername: host },
    ...{ ca: opened.caPem, method: 'POST', path: `/api/v1/devices/${deviceId}/revoke` },
    headers: { host, authorization: `Bearer ${opened.adminSecret}` },
  }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  await once(response.resume(), 'end')
}

function listingLine(folder: KeyFolder, file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1)
  return printPublicKeyLine(folder.blob(`${name}-cert.pub`))
}
