import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { Duplex } from 'node:stream'
import ava, { type ExecutionContext } from 'ava'
import type { PostureObservation } from '../../lib/wire/posture-message.ts'
import { type ConnectedDevice, connected } from '../support/connected-device.ts'
import { startTarget } from '../support/decisions.ts'
import { type OpenedGateway, openGateway, policySource } from '../support/opened-gateway.ts'

/** One after the other: what one takes is measured, and others that start their gateways would add to it. */
const test = ava.serial

function revoke(opened: OpenedGateway, deviceId: string): Promise<number | undefined> {
  return order(opened, `devices/${deviceId}/revoke`)
}

function approve(opened: OpenedGateway, requestId: string): Promise<number | undefined> {
  const approver = JSON.stringify({ approver: 'lea@example.com' })
  return order(opened, `access-requests/${requestId}/approve`, approver)
}

/** As an administrator does it. @returns the status. */
async function order(
  opened: OpenedGateway,
  path: string,
  body?: string,
): Promise<number | undefined> {
  const host = 'admin.example.com'
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const sent = request({
    host: '127.0.0.1',
    port: opened.gateway.addresses['admin']?.port,
    servername: host,
    ca: opened.caPem,
    method: 'POST',
    path: `/api/v1/${path}`,
    headers: { host, authorization: `Bearer ${opened.adminSecret}`, ...type },
  })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

const policyFor = (port: number, decision = 'allow') =>
  policySource({
    tunnel: { domains: ['corp.internal'], prefixes: [], others: 'direct' },
    applications: [
      {
        name: 'echo',
        destinations: [`127.0.0.1:${port}`],
        policies: [{ name: 'staff', decision, include: [{ email_domain: 'example.com' }] }],
      },
    ],
  })

async function start(t: ExecutionContext) {
  const target = await startTarget(t, (socket) => {
    socket.pipe(socket)
  })
  const opened = await openGateway(t, policyFor(target.port))
  const device = await connected(t, opened)
  return { target, opened, device, to: { host: '127.0.0.1', port: target.port } }
}

const closeOf = (stream: Duplex) =>
  new Promise((resolve) => (stream.closed ? resolve(undefined) : stream.once('close', resolve)))

test('S2: a permitted flow passes, others are denied as explain says, and no SYN reaches them', async (t) => {
  const { target, opened, device, to } = await start(t)
  const other = await startTarget(t, () => undefined)
  const { client } = device
  const flow = await client.openFlow(to, { process: 'test' })
  if (!flow.ok) return t.fail(flow.error.reason)
  flow.value.end('hello')
  t.is(String((await once(flow.value, 'data'))[0]), 'hello')
  const denied = await client.openFlow({ host: '127.0.0.1', port: other.port }, {})
  const why = await client.explain({ host: '127.0.0.1', port: other.port })
  if (denied.ok || !why.ok) return t.fail()
  t.is(denied.error.reason, why.value.reason)
  t.is(why.value.verdict, 'denial')
  t.like(await client.explain({ host: '127.0.0.1', port: target.port }), {
    value: { verdict: 'permit' },
  })
  t.like(await client.applications(), { value: [{ name: 'echo' }] })
  t.is(other.sockets.length, 0)
  const records = opened.data.store.flows.list({ limit: 10 })
  t.deepEqual(records.map(({ verdict }) => verdict).sort(), ['denial', 'permit'])
})

test('D5: a policy change reaches the daemon within 2 s, with synthetic ranges and lockdown', async (t) => {
  const { opened, device } = await start(t)
  await device.until(() => device.settings() !== undefined)
  t.false('lockdown' in (device.settings() ?? {}))
  const synthetic = { v4: '10.99.0.0/16', v6: 'fd00:99::/64' }
  const changedAtMs = performance.now()
  await opened.gateway.reload(
    policySource({ tunnel: { domains: ['corp.internal'], synthetic, lockdown: true } }),
  )
  await device.until(() => device.settings()?.lockdown === true)
  t.true(performance.now() - changedAtMs < 2000)
  t.deepEqual(device.settings()?.synthetic, synthetic)
})

/** Everybody, on a device that says it has a firewall. */
const firewallPolicy = (port: number) =>
  policySource({
    posture_checks: [{ name: 'fw', kind: 'firewall', every: '1s', max_age: '2s' }],
    applications: [
      {
        name: 'echo',
        destinations: [`127.0.0.1:${port}`],
        policies: [
          {
            name: 'all',
            decision: 'allow',
            include: [{ everyone: true }],
            require: [{ device_posture: 'fw' }],
          },
        ],
      },
    ],
  })
const firewall = (enabled: boolean, observedAgoMs = 0): PostureObservation => ({
  ...{ name: 'fw', kind: 'firewall', lookAt: [], observedAgoMs },
  found: { kind: 'firewall', enabled },
})

test('D10 G10: a report that fails a check cuts the flow, 50 times within a second each', async (t) => {
  const { target, opened, device, to } = await start(t)
  await opened.gateway.reload(firewallPolicy(target.port))
  const { client } = device
  t.like(await client.openFlow(to, {}), { error: { reason: 'posture_failed' } })
  const tookMs: number[] = []
  for (let round = 0; round < 50; round++) {
    t.like(await client.reportPosture([firewall(true)]), { value: [{ name: 'fw', passed: true }] })
    const flow = await client.openFlow(to, {})
    if (!flow.ok) return t.fail(flow.error.reason)
    flow.value.on('error', () => undefined)
    const closed = closeOf(flow.value)
    const startedAtMs = performance.now()
    await client.reportPosture([firewall(false)])
    await closed
    tookMs.push(performance.now() - startedAtMs)
  }
  t.log(`from the report to the end of the flow: at most ${Math.max(...tookMs).toFixed(1)} ms`)
  t.true(Math.max(...tookMs) < 1000, `ms: ${tookMs.map(Math.round)}`)
  t.is(opened.data.store.flows.list({ limit: 1 })[0]?.closeReason, 'posture_failed')
})

test('D10 T95: a flow ends when the report it rests on goes stale, and says so', async (t) => {
  const { target, opened, device, to } = await start(t)
  await opened.gateway.reload(firewallPolicy(target.port))
  const { client } = device
  await client.reportPosture([firewall(true, 1000)])
  const flow = await client.openFlow(to, {})
  if (!flow.ok) return t.fail(flow.error.reason)
  flow.value.on('error', () => undefined)
  await closeOf(flow.value)
  t.is(opened.data.store.flows.list({ limit: 1 })[0]?.closeReason, 'posture_failed')
  const refused = await client.openFlow(to, {})
  t.regex(refused.ok ? '' : (refused.error.detail ?? ''), /out of date: fw\./)
})

test('T120: no rule opens the gateway to itself', async (t) => {
  const { device, opened } = await start(t)
  for (const { port } of Object.values(opened.gateway.addresses)) {
    await opened.gateway.reload(policyFor(port))
    const flow = await device.client.openFlow({ host: '127.0.0.1', port }, {})
    t.like(flow, { ok: false, error: { reason: 'address_forbidden' } })
  }
})

test('T87: a policy that denies cuts the open flow', async (t) => {
  const { target, opened, device, to } = await start(t)
  const flow = await device.client.openFlow(to, {})
  if (!flow.ok) return t.fail(flow.error.reason)
  const closed = closeOf(flow.value)
  t.is((await opened.gateway.reload(policyFor(target.port, 'deny'))).cutFlows, 1)
  await closed
  t.like(await device.client.openFlow(to, {}), { error: { reason: 'no_application' } })
})

test('T87: revoking a device cuts its flows and its connections at once', async (t) => {
  const { opened, device, to } = await start(t)
  const flow = await device.client.openFlow(to, {})
  if (!flow.ok) return t.fail(flow.error.reason)
  const closed = closeOf(flow.value)
  t.is(await revoke(opened, device.id), 200)
  await closed
  await device.until(({ state }) => state === 'revoked')
  const [record] = opened.data.store.flows.list({ limit: 1 })
  t.is(record?.closeReason, 'device_revoked')
})

test('T87: drain ends connections; the device sees the gateway leave', async (t) => {
  const { opened, device } = await start(t)
  await opened.gateway.drain(1000)
  await device.until(({ state }) => state === 'unreachable')
  t.is(device.client.status.connections, 0)
})

test('T87: a flow that outlasts the deadline of a drain is cut, and its record is closed', async (t) => {
  const { opened, device, to } = await start(t)
  const flow = await device.client.openFlow(to, {})
  if (!flow.ok) return t.fail(flow.error.reason)
  flow.value.on('error', () => undefined)
  const closed = closeOf(flow.value)
  await opened.gateway.drain(100)
  await closed
  const [record] = opened.data.store.flows.list({ limit: 1 })
  t.is(record?.state, 'closed')
  t.is(record?.verdict, 'permit')
})

/** Each person has an application; a third one asks everybody for an approval. */
const personalPolicy = (port: number) =>
  policySource({
    tunnel: { domains: ['corp.internal'], prefixes: [], others: 'direct' },
    applications: [
      ...['ann', 'bob'].map((name) => ({
        name: `of-${name}`,
        destinations: [`${name}.corp.internal:${port}`],
        policies: [{ name: 'own', decision: 'allow', include: [{ email: `${name}@example.com` }] }],
      })),
      {
        name: 'vault',
        destinations: [`127.0.0.1:${port}`],
        policies: [
          {
            ...{ name: 'asked', decision: 'allow', include: [{ email_domain: 'example.com' }] },
            approval: { approvers: [{ email: 'lea@example.com' }], valid_for: '1h' },
          },
        ],
      },
    ],
  })

test('T91: a device is told of nothing that is of another, and ends nothing that is', async (t) => {
  const target = await startTarget(t, (socket) => void socket.pipe(socket))
  const { port } = target
  const opened = await openGateway(t, personalPolicy(port))
  const ann = await connected(t, opened, 'ann')
  const bob = await connected(t, opened, 'bob')
  const names = async ({ client }: ConnectedDevice) => {
    const listed = await client.applications()
    return listed.ok ? listed.value.map(({ name }) => name).sort() : listed.error
  }
  t.deepEqual(await names(ann), ['of-ann', 'vault'])
  t.deepEqual(await names(bob), ['of-bob', 'vault'])

  // What is another's, and what is not there, look alike.
  const explained = async (host: string) => {
    const why = await ann.client.explain({ host, port })
    return why.ok ? { ...why.value, host: '' } : why.error
  }
  t.deepEqual(await explained('bob.corp.internal'), await explained('nothing.corp.internal'))

  const to = { host: '127.0.0.1', port }
  const waiting = [bob.client.openFlow(to, {}), ann.client.openFlow(to, {})]
  await bob.until(() => bob.prompts.length > 0)
  await ann.until(() => ann.prompts.length > 0)
  t.deepEqual([ann.prompts.length, bob.prompts.length], [1, 1])
  t.not(ann.prompts[0]?.promptId, bob.prompts[0]?.promptId)
  const requests = opened.data.store.accessRequests.list({ limit: 10 })
  t.deepEqual(requests.map(({ deviceId }) => deviceId).sort(), [ann.id, bob.id].sort())

  const asked = { public_key: 'ssh-ed25519 AAAA', principals: [], device: bob.id }
  const certificate = await ann.client.post('/ssh-certificate', JSON.stringify(asked))
  t.regex(certificate.ok ? certificate.value.body : '', /invalid_request/)
  // Whose registration ends is said by the connection, whatever the body says.
  await ann.client.post('/logout', JSON.stringify({ device: bob.id, deviceId: bob.id }))
  await ann.until(({ state }) => state === 'revoked')
  t.is(opened.data.store.devices.get(bob.id)?.revokedAtMs, undefined)
  t.is(bob.client.status.state, 'connected')
  const bobs = requests.find(({ deviceId }) => deviceId === bob.id)
  opened.data.store.users.upsert({
    ...{ provider: 'corp', providerSubject: 'lea', email: 'lea@example.com', name: 'lea' },
    ...{ groups: [], claims: {}, login: { atMs: Date.now() } },
  })
  t.is(await approve(opened, bobs?.id ?? ''), 200)
  const [flow, gone] = await Promise.all(waiting)
  t.true(flow?.ok)
  t.false(gone?.ok)
})
