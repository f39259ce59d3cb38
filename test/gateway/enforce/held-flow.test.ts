import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import type { Decider } from '../../../gateway/enforce/decider.ts'
import type { FlowServerDeps } from '../../../gateway/enforce/flow-deps.ts'
import { createResolver } from '../../../gateway/enforce/resolve-client.ts'
import { createFlowTable } from '../../../gateway/flow/flow-table.ts'
import { startReconsideration } from '../../../gateway/flow/reconsider-job.ts'
import type { Decision } from '../../../gateway/policy/decision.ts'
import { DEFAULT_SSH_GRANT } from '../../../gateway/policy/ssh-grant.ts'
import { loginDenial } from '../../support/asked.ts'
import { denial, permit, startEnforced, startTarget } from '../../support/decisions.ts'
import { connectDevice, memoryLog } from '../../support/tunnel.ts'

/** A gateway on which every flow comes to `decision`, which a test may change and tell. */
async function startHeld(
  t: ExecutionContext,
  change: Partial<FlowServerDeps> & { readonly waitMs?: number } = {},
) {
  const table = createFlowTable()
  let decision: Decision = loginDenial
  const decider: Decider = {
    revision: 1,
    decide: () => decision,
    decideAddress: () => decision,
  }
  const { tell } = startReconsideration({
    ...{ table, log: memoryLog(), now: Date.now },
    decide: () => decision,
    refresh: ({ facts }) => facts,
  })
  const target = await startTarget(t, (socket) => socket.pipe(socket))
  const enforced = await startEnforced(t, { decider, table, ...change })
  const { tunnel, holding } = enforced
  const connection = await connectDevice(t, tunnel.client(await tunnel.enrol()))
  const asked = new Promise<void>((resolve) => {
    holding.watch({ onAsked: () => resolve(), onEnded: () => undefined })
  })
  const raw = async (protocol: 'h2' | 'http/1.1') => {
    const { key, certificate, gatewayCa } = (await tunnel.enrol()).credentials
    const { port } = tunnel.server.address
    const tls = { key, cert: certificate, ca: gatewayCa, ALPNProtocols: [protocol] }
    return connectTls({ host: '127.0.0.1', port, ...tls })
  }
  return {
    raw,
    ...{ ...enforced, target, asked, connection },
    open: (host = 'wiki') => connection.openFlow({ host, port: target.port }, {}),
    /** From now on, for flows that wait as well. */
    become(next: Decision) {
      decision = next
      tell({ kind: 'everything' })
    },
  }
}

async function echo(stream: Duplex, text: string): Promise<string> {
  stream.write(text)
  const [chunk] = await once(stream, 'data')
  return String(chunk)
}

test('D9 G3: a flow waits before its answer, nothing is resolved or dialled, and then the same flow goes on', async (t) => {
  const resolved: string[] = []
  const lookupAll = async (name: string) => {
    resolved.push(name)
    return [{ address: '127.0.0.1' }]
  }
  const held = await startHeld(t, { resolve: createResolver({ hosts: new Map(), lookupAll }) })
  const opening = held.open()
  await held.asked
  t.is(held.target.sockets.length, 0)
  t.deepEqual(resolved, [])
  t.is(held.table.count, 1)
  held.become(permit)
  const flow = await opening
  if (!flow.ok) return t.fail(flow.error.reason)
  t.is(await echo(flow.value, 'hello'), 'hello')
  t.is(held.target.sockets.length, 1)
  t.deepEqual(resolved, ['wiki'])
  flow.value.end()
  const record = await held.closedRecord()
  t.like(record, { verdict: 'permit', reason: 'allowed_by_policy', closeReason: 'done' })
  t.true((record.heldMs ?? -1) >= 0)
})

test('D9: the time is over: a refusal that names cause and remedy, and no SYN', async (t) => {
  const held = await startHeld(t, { waitMs: 21 })
  const refused = await held.open()
  t.like(refused, { ok: false, error: { status: 407, reason: 'prompt_expired' } })
  t.regex(refused.ok ? '' : (refused.error.detail ?? ''), /waited for you.*"zt login"/)
  t.is(held.target.sockets.length, 0)
  const record = await held.closedRecord()
  t.like(record, { verdict: 'denial', reason: 'prompt_expired', closeReason: 'prompt_expired' })
  // A timer counts in the milliseconds of another clock: it may be one early.
  t.true((record.heldMs ?? 0) >= 20)
})

test('D9: a denial that nobody can do anything about ends at once, held or not', async (t) => {
  const held = await startHeld(t)
  const opening = held.open()
  await held.asked
  held.become(denial('denied_by_policy'))
  t.like(await opening, { ok: false, error: { status: 403, reason: 'no_application' } })
  t.like(await held.closedRecord(), { closeReason: 'denied_by_policy' })
  t.like(await held.open(), { ok: false, error: { reason: 'no_application' } })
  t.is((await held.closedRecord()).heldMs, undefined)
})

test('D9: a program that goes away while it is held gave up, and its prompt stays for the next one', async (t) => {
  const held = await startHeld(t)
  const opening = held.open()
  await held.asked
  await held.connection.drain(0)
  t.false((await opening).ok)
  const record = await held.closedRecord()
  t.like(record, { verdict: 'denial', reason: 'session_expired', closeReason: 'given_up' })
  t.true((record.heldMs ?? -1) >= 0)
  t.is(held.table.count, 0)
})

test('D9: a device may hold only so many flows', async (t) => {
  const held = await startHeld(t)
  const opening = Array.from({ length: 64 }, () => held.open())
  await held.asked
  const last = await held.open()
  t.like(last, { ok: false, error: { status: 503, reason: 'hold_full' } })
  t.is(held.table.count, 64)
  held.become(denial('denied_by_policy'))
  for (const one of await Promise.all(opening)) t.false(one.ok)
})

test('D9 G10: a device that is cut takes its held flows along', async (t) => {
  const held = await startHeld(t)
  const opening = held.open()
  await held.asked
  t.is(
    held.table.cutWhere(() => true, 'device_revoked'),
    1,
  )
  t.false((await opening).ok)
  t.is((await held.closedRecord()).closeReason, 'device_revoked')
})

test('D9: what comes before the answer is passed on after it, and bounded, in HTTP/2', async (t) => {
  const held = await startHeld(t)
  const socket = await held.raw('h2')
  const session = connectHttp2('https://gateway', { createConnection: () => socket })
  t.teardown(() => session.destroy())
  const request = { ':method': 'CONNECT', ':authority': `wiki:${held.target.port}` }
  const early = session.request(request, { endStream: false })
  early.write('early ')
  await held.asked
  const over = session.request(request, { endStream: false })
  over.write(Buffer.alloc(80 * 1024))
  const [refused] = await once(over, 'response')
  t.is(refused[':status'], 503)
  t.regex(String(refused['proxy-status']), /hold_full/)
  held.become(permit)
  const [answer] = await once(early, 'response')
  t.is(answer[':status'], 200)
  early.end('bird')
  t.is(Buffer.concat(await early.toArray()).toString(), 'early bird')
})

test('D9: what comes before the answer is passed on after it, and bounded, in HTTP/1.1', async (t) => {
  const held = await startHeld(t)
  const head = `CONNECT wiki:${held.target.port} HTTP/1.1\r\nHost: wiki\r\n\r\n`
  const early = await held.raw('http/1.1')
  early.write(`${head}early `)
  await held.asked
  early.write('bird')
  const over = await held.raw('http/1.1')
  over.write(head)
  over.write(Buffer.alloc(80 * 1024))
  t.regex(Buffer.concat(await over.toArray()).toString(), /^HTTP\/1.1 503 [\s\S]*hold_full/)
  held.become(permit)
  const got = Buffer.concat([await nextChunk(early), await nextChunk(early)]).toString()
  t.is(got, 'HTTP/1.1 200 OK\r\n\r\nearly bird')
  early.destroy()
})

async function nextChunk(stream: Duplex): Promise<Buffer> {
  const [chunk] = await once(stream, 'data')
  return chunk as Buffer
}

const sshDenial: Decision = { ...loginDenial, prompt: { protocol: 'ssh' } }
const ssh = {
  unixUsers: [],
  record: 'off',
  hostKeys: [],
  hostAuthorities: [],
  grants: [DEFAULT_SSH_GRANT],
} as const
const sshPermit: Decision = { ...permit, enforcement: { kind: 'ssh', ssh } }

/** SSH that only says what it is told, and what it reached. */
async function startHeldSsh(t: ExecutionContext, waitMs?: number) {
  const held = await startHeld(t, {
    ...(waitMs !== undefined && { waitMs }),
    serveSsh: async ({ client, reach, cutReason }) => {
      const closed = new Promise((resolve) => client.once('close', resolve))
      const reached = await reach((line) => client.write(`${line}\n`))
      if (!reached.ok) client.end(reached.error)
      else client.pipe(reached.value.socket).pipe(client)
      await closed
      return { closeReason: cutReason() ?? (reached.ok ? 'done' : reached.error) }
    },
  })
  held.become(sshDenial)
  const flow = await held.open()
  if (!flow.ok) throw new Error(flow.error.reason)
  const line = String(await nextChunk(flow.value))
  return { ...held, stream: flow.value, line }
}

test('D9 S14: a flow declared as SSH is answered at once, told where to log in, and dialled after that', async (t) => {
  const held = await startHeldSsh(t)
  t.regex(
    held.line,
    /^zt: wiki needs you to log in: https:\/\/login.example.com\/prompt\/[\w-]{22}\n$/,
  )
  t.is(held.target.sockets.length, 0)
  held.become(sshPermit)
  held.stream.end('hello')
  t.is(String(await nextChunk(held.stream)), 'hello')
  const record = await held.closedRecord()
  t.like(record, { verdict: 'permit', closeReason: 'done' })
  t.true((record.heldMs ?? -1) >= 0)
})

for (const [title, next, reason] of [
  ['the time is over', undefined, 'prompt_expired'],
  ['a policy denies by now', denial('denied_by_policy'), 'denied_by_policy'],
  ['a policy would relay it by now', permit, 'policy_changed'],
] as const) {
  test(`D9 S14: the SSH client is told that ${title}`, async (t) => {
    const held = await startHeldSsh(t, next === undefined ? 500 : 60_000)
    if (next !== undefined) held.become(next)
    t.is(String(await nextChunk(held.stream)), reason)
    held.stream.end()
    const record = await held.closedRecord()
    t.like(record, { verdict: 'denial', reason, closeReason: reason })
  })
}

test('D9 S14: an SSH client that goes away while it is held gave up', async (t) => {
  const held = await startHeldSsh(t)
  held.stream.destroy()
  t.like(await held.closedRecord(), { reason: 'session_expired', closeReason: 'given_up' })
  t.is(held.target.sockets.length, 0)
})
