import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { parseEntry } from '#lib/audit/audit-entry'
import { isConsistent } from '#lib/audit/merkle-proof'
import { openAuditLog } from '../../gateway/audit/audit-log-store.ts'
import { startGateway } from '../../gateway/gateway-server.ts'
import { initialise } from '../../gateway/init-os.ts'
import { openData } from '../../gateway/open-data-os.ts'
import {
  CONFIG,
  type OpenedGateway,
  openGateway,
  policySource,
  QUIET,
} from '../support/opened-gateway.ts'

const CLOSED = policySource({ public_default: 'block' })
const OPEN = policySource({ public_default: 'allow' })

async function adminStatus(opened: OpenedGateway, secret: string): Promise<number | undefined> {
  const { port } = opened.gateway.addresses['admin'] ?? {}
  const { host } = new URL(CONFIG.admin.url)
  const request = get({
    host: '127.0.0.1',
    port,
    servername: host,
    ca: opened.caPem,
    path: '/api/v1/devices',
    headers: { host, authorization: `Bearer ${secret}` },
  })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

test('E9: the admin listener has a certificate of the gateway CA and takes the bootstrap secret', async (t) => {
  const opened = await openGateway(t, CLOSED)
  t.is(await adminStatus(opened, opened.adminSecret), 200)
  t.is(await adminStatus(opened, 'a'.repeat(43)), 401)
})

test('D7: the login listener hands out the gateway CA under its own name', async (t) => {
  const { gateway, caPem } = await openGateway(t, CLOSED)
  const { port } = gateway.addresses['login'] ?? {}
  const { host } = new URL(CONFIG.login.url)
  const options = { host: '127.0.0.1', port, servername: host, ca: caPem, headers: { host } }
  const [response] = (await once(get({ ...options, path: '/ca.pem' }), 'response')) as [
    IncomingMessage,
  ]
  t.is(response.statusCode, 200)
  t.is((await response.toArray()).join(''), caPem)
})

test('a policy is a revision; the same again is not a new one', async (t) => {
  const { gateway, data } = await openGateway(t, CLOSED)
  t.is(gateway.revision, 1)
  t.is((await gateway.reload(CLOSED)).revision, 1)
  t.is((await gateway.reload(OPEN)).revision, 2)
  t.is(data.store.revisions.latest()?.text, OPEN.text)
})

test('when one listener cannot start, none listens', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { data } = await openGateway(t, CLOSED)
  const admin = { ...CONFIG.admin, listen: { host: '127.0.0.1', port } }
  const config = { ...CONFIG, admin }
  const starting = startGateway({ config, policy: CLOSED, data, log: QUIET, now: Date.now })
  await t.throwsAsync(starting, { code: 'EADDRINUSE' })
})

test('refuses a configured certificate that is not of its key', async (t) => {
  const { data } = await openGateway(t, CLOSED)
  const dir = mkdtempSync(join(tmpdir(), 'zt-tls-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const files = { certificateFile: join(dir, 'crt'), keyFile: join(dir, 'key') }
  writeFileSync(files.certificateFile, data.keys.gatewayCa.certificatePem)
  const deviceKey = data.keys.deviceCa.key.export({ type: 'pkcs8', format: 'pem' })
  writeFileSync(files.keyFile, deviceKey, { mode: 0o600 })
  const config = { ...CONFIG, login: { ...CONFIG.login, certificate: files } }
  const options = { config, policy: CLOSED, data, log: QUIET, now: Date.now }
  t.like(await startGateway(options), { ok: false, error: { reason: 'bad_certificate' } })
  chmodSync(files.keyFile, 0o644)
  const open = await startGateway(options)
  t.regex(open.ok ? '' : open.error.message, /open to other users/)
})

test('S10: starts and policies are audited, and a log goes on after a restart', async (t) => {
  const { gateway, data } = await openGateway(t, CLOSED)
  await gateway.reload(OPEN)
  const audit = openAuditLog(data.store.audit, Date.now)
  const before = audit.head
  const kinds = [...audit.lines(before.size)].map((line) => parseEntry(line)?.kind)
  t.deepEqual(kinds, ['policy_revision', 'gateway_started', 'policy_revision'])
  await gateway.drain(0)
  const options = { config: CONFIG, policy: OPEN, data, log: QUIET, now: Date.now }
  const again = await startGateway(options)
  if (!again.ok) throw new Error(again.error.message)
  t.teardown(() => again.value.drain(0))
  const { head } = audit
  t.is(head.size, before.size + 1)
  t.true(isConsistent(before, head, audit.consistency(before.size, head.size) ?? []))
})

const spoiled: Record<string, [(data: string) => void, string]> = {
  'keys that are open to others': [(data) => chmodSync(join(data, 'keys'), 0o755), 'bad_mode'],
  'a hash that is open to others': [
    (data) => chmodSync(join(data, 'admin.hash'), 0o644),
    'bad_mode',
  ],
  'a hash that is none': [(data) => writeFileSync(join(data, 'admin.hash'), 'x'), 'bad_hash'],
  'no data at all': [(data) => rmSync(data, { recursive: true }), 'missing'],
}
for (const [what, [spoil, reason]] of Object.entries(spoiled)) {
  test(`refuses ${what}`, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'zt-data-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    const data = join(dir, 'data')
    const made = { data, configFile: join(dir, 'c'), configText: '', organisation: 'x' }
    await initialise({ ...made, nowMs: Date.now() })
    spoil(data)
    const opened = openData(data, { log: QUIET, now: Date.now })
    t.is(opened.ok ? 'accepted' : opened.error.reason, reason)
  })
}
