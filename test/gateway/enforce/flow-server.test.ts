import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import test, { type ExecutionContext } from 'ava'
import type { Decider } from '../../../gateway/enforce/decider.ts'
import { createResolver } from '../../../gateway/enforce/resolve-client.ts'
import { createFlowTable } from '../../../gateway/flow/flow-table.ts'
import type { Facts } from '../../../gateway/policy/facts.ts'
import { DEFAULT_SSH_GRANT } from '../../../gateway/policy/ssh-grant.ts'
import {
  denial,
  type Enforced,
  permit,
  permitAll,
  startEnforced,
  startTarget,
} from '../../support/decisions.ts'
import { connectDevice } from '../../support/tunnel.ts'

const decider = (change: Partial<Decider>): Decider => ({ ...permitAll, ...change })
const pipeBack = (socket: Socket) => {
  socket.pipe(socket)
}

async function open(t: ExecutionContext, { tunnel }: Enforced, host: string, port: number) {
  const connection = await connectDevice(t, tunnel.client(await tunnel.enrol()))
  return connection.openFlow({ host, port }, { process: 'curl', correlationId: 'c-1' })
}

async function opened(
  t: ExecutionContext,
  enforced: Enforced,
  port: number,
  host = 'wiki',
): Promise<Duplex> {
  const flow = await open(t, enforced, host, port)
  if (!flow.ok) throw new Error(flow.error.reason)
  return flow.value
}

/** A reset errors as well; here only the close matters. */
const closeOf = (stream: Duplex) =>
  new Promise((resolve) => (stream.closed ? resolve(undefined) : stream.once('close', resolve)))

async function textOf(stream: Duplex): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('a permitted flow is relayed with half-close, counted and recorded', async (t) => {
  // Answers only after the client's end: a relay without half-close would lose it.
  const target = await startTarget(t, (socket) => {
    let length = 0
    socket.on('data', (chunk) => {
      length += chunk.length
    })
    socket.on('end', () => socket.end(`got ${length}`))
  })
  const enforced = await startEnforced(t)
  const flow = await opened(t, enforced, target.port)
  flow.end('x'.repeat(100_000))
  t.is(await textOf(flow), 'got 100000')
  t.like(await enforced.closedRecord(), {
    verdict: 'permit',
    application: 'wiki',
    dialled: '127.0.0.1',
    closeReason: 'done',
    sentBytes: 100_000,
    receivedBytes: 10,
    process: 'curl',
    correlationId: 'c-1',
    facts: { subject: { email: 'demo@example.com' }, destination: { address: '127.0.0.1' } },
  })
  t.is(enforced.table.count, 0)
})

test('G3: no SYN reaches a target of a denied flow, nor one denied by its address', async (t) => {
  const target = await startTarget(t, pipeBack)
  const byName = decider({ decide: () => denial('no_application') })
  const first = await startEnforced(t, { decider: byName })
  t.like(await open(t, first, 'wiki', target.port), {
    ok: false,
    error: { status: 403, reason: 'no_application' },
  })
  t.like(await first.closedRecord(), { verdict: 'denial', closeReason: 'no_application' })
  const byAddress = decider({ decideAddress: () => denial('address_forbidden') })
  const second = await startEnforced(t, { decider: byAddress })
  t.like(await open(t, second, 'wiki', target.port), {
    ok: false,
    error: { status: 403, reason: 'address_forbidden' },
  })
  t.is(target.sockets.length, 0)
})

test('the flow is in the table, and its record open, before it is decided', async (t) => {
  const table = createFlowTable()
  const seen: number[] = []
  const watching = decider({
    decide: () => {
      seen.push(table.count)
      return denial('no_application')
    },
  })
  const enforced = await startEnforced(t, { decider: watching, table })
  await open(t, enforced, 'wiki', 1)
  t.deepEqual(seen, [1])
})

test('T86 A3: what changes while an evaluator is asked has it asked anew', async (t) => {
  const table = createFlowTable()
  const asked: Facts[] = []
  const gather = async (facts: Facts) => {
    asked.push(facts)
    const [flow] = table.list()
    if (asked.length === 1) table.update(flow?.id ?? '', { facts: { ...facts, country: 'NZ' } })
    const risk = { passed: facts.country === undefined, validUntilMs: Date.now() + 60_000 }
    return { ...facts, evaluations: { risk } }
  }
  const byAnswer = decider({
    decide: ({ evaluations }) =>
      evaluations?.['risk']?.passed === true ? permit : denial('no_policy_matched'),
  })
  const enforced = await startEnforced(t, { decider: byAnswer, table, gather })
  t.like(await open(t, enforced, 'wiki', 1), { ok: false, error: { reason: 'no_application' } })
  t.deepEqual(
    asked.map(({ country }) => country),
    [undefined, 'NZ'],
  )
})

test('T120: only the address that was decided on is dialled, and a denied one of several is passed over', async (t) => {
  const target = await startTarget(t, pipeBack)
  const decided: (string | undefined)[] = []
  const enforced = await startEnforced(t, {
    resolve: createResolver({
      hosts: new Map(),
      lookupAll: async () => [{ address: '169.254.169.254' }, { address: '127.0.0.1' }],
    }),
    decider: decider({
      decideAddress: ({ destination }: Facts) => {
        decided.push(destination.address)
        return destination.address === '127.0.0.1' ? permit : denial('address_forbidden')
      },
    }),
  })
  const flow = await opened(t, enforced, target.port, 'rebinding.example')
  flow.end('hi')
  t.is(await textOf(flow), 'hi')
  t.deepEqual(decided, ['169.254.169.254', '127.0.0.1'])
  t.is((await enforced.closedRecord()).dialled, '127.0.0.1')
})

const never = () => new Promise<never>(() => undefined)
const failures: Record<string, readonly [string, number, object]> = {
  'bad destination: an octal address (T120)': [
    '0177.0.0.1',
    80,
    { status: 403, reason: 'bad_destination' },
  ],
  'bad destination: port 0': ['wiki', 0, { status: 403, reason: 'bad_destination' }],
  'name without an address': ['nowhere.invalid', 80, { status: 502, reason: 'name_not_found' }],
  'nobody listens': ['127.0.0.1', 1, { status: 502, reason: 'target_unreachable' }],
}
for (const [title, [host, port, error]] of Object.entries(failures)) {
  test(`refused and recorded: ${title}`, async (t) => {
    const lookupAll = async () => Promise.reject(new Error('ENOTFOUND'))
    const resolve = createResolver({ hosts: new Map([['wiki', '127.0.0.1']]), lookupAll })
    const enforced = await startEnforced(t, { resolve })
    t.like(await open(t, enforced, host, port), { ok: false, error })
    const { reason } = error as { reason: string }
    t.like(await enforced.closedRecord(), { verdict: 'denial', closeReason: reason })
  })
}

test('refused and recorded: a resolver that is silent, and a target that is', async (t) => {
  const resolve = createResolver({ hosts: new Map(), lookupAll: never, timeoutMs: 20 })
  const silentName = await startEnforced(t, { resolve })
  t.like(await open(t, silentName, 'slow.example', 80), { error: { reason: 'name_not_found' } })
  const timedOut = { ok: false, error: { reason: 'target_timeout' } } as const
  const silentTarget = await startEnforced(t, { dial: async () => timedOut })
  t.like(await open(t, silentTarget, 'wiki', 80), {
    error: { status: 504, reason: 'target_timeout' },
  })
})

test('too many flows of one device are refused', async (t) => {
  const target = await startTarget(t, pipeBack)
  const table = createFlowTable({ perDevice: 1, total: 10, pingsPerDevice: 1 })
  const enforced = await startEnforced(t, { table })
  const { tunnel } = enforced
  const connection = await connectDevice(t, tunnel.client(await tunnel.enrol()))
  const to = { host: 'wiki', port: target.port }
  const first = await connection.openFlow(to, {})
  t.true(first.ok)
  t.like(await connection.openFlow(to, {}), { error: { status: 503, reason: 'too_many_flows' } })
  t.is(target.sockets.length, 1)
})

test('T87: a flow that is cut loses both ends at once, whatever is queued', async (t) => {
  const target = await startTarget(t, (socket) => socket.write(Buffer.alloc(8 << 20)))
  const enforced = await startEnforced(t)
  const flow = await opened(t, enforced, target.port)
  await once(flow, 'readable')
  const [socket] = target.sockets
  if (socket === undefined) return t.fail()
  const gone = Promise.all([closeOf(flow), closeOf(socket)])
  t.is(
    enforced.table.cutWhere(() => true, 'device_revoked'),
    1,
  )
  await gone
  t.is((await enforced.closedRecord()).closeReason, 'device_revoked')
})

test('T87: a flow that is cut while it is being decided is not dialled', async (t) => {
  const target = await startTarget(t, pipeBack)
  const table = createFlowTable()
  const enforced = await startEnforced(t, {
    table,
    decider: decider({
      decideAddress: () => {
        table.cutWhere(() => true, 'device_revoked')
        return permit
      },
    }),
  })
  t.false((await open(t, enforced, 'wiki', target.port)).ok)
  t.is((await enforced.closedRecord()).closeReason, 'device_revoked')
  t.is(target.sockets.length, 0)
})

test('a policy that changed while the target was dialled decides again', async (t) => {
  const target = await startTarget(t, pipeBack)
  let revision = 1
  const changing: Decider = {
    get revision() {
      return revision
    },
    decide: () => (revision === 1 ? permit : denial('no_application')),
    decideAddress: () => {
      queueMicrotask(() => {
        revision = 2
      })
      return permit
    },
  }
  const enforced = await startEnforced(t, { decider: changing })
  t.like(await open(t, enforced, 'wiki', target.port), { error: { reason: 'no_application' } })
  t.like(await enforced.closedRecord(), { verdict: 'denial', reason: 'no_application' })
})

test('a target that resets resets the flow, and a device that resets resets the target', async (t) => {
  const target = await startTarget(t, (socket) =>
    socket.once('data', () => socket.resetAndDestroy()),
  )
  const enforced = await startEnforced(t)
  const flow = await opened(t, enforced, target.port)
  const closed = closeOf(flow)
  flow.write('x')
  await closed
  t.is((await enforced.closedRecord()).closeReason, 'reset_by_target')
  const second = await opened(t, enforced, target.port)
  second.destroy()
  t.is((await enforced.closedRecord()).closeReason, 'reset_by_device')
})

test('a flow that is idle for longer than its permit says is cut', async (t) => {
  const target = await startTarget(t, pipeBack)
  const idle = { ...permit, idleTimeoutMs: 80 }
  const enforced = await startEnforced(t, { decider: decider({ decideAddress: () => idle }) })
  await closeOf(await opened(t, enforced, target.port))
  t.is((await enforced.closedRecord()).closeReason, 'idle_timeout')
})

for (const greeting of [['SSH-2.0-OpenSSH\r\n'], ['S', 'S', 'H', '-2.0']]) {
  test(`a target that says ${greeting.join('|').trim()} on a flow not enforced as SSH is cut`, async (t) => {
    const target = await startTarget(t, (socket) => {
      const say = ([part, ...rest]: string[]): void => {
        if (part !== undefined) socket.write(part, () => setImmediate(say, rest))
      }
      say(greeting)
    })
    const enforced = await startEnforced(t)
    const flow = await opened(t, enforced, target.port)
    flow.resume()
    await closeOf(flow)
    t.is((await enforced.closedRecord()).closeReason, 'protocol_mismatch')
  })
}

test('G5: a client that says SSH- on a flow not enforced as SSH is cut', async (t) => {
  const target = await startTarget(t, () => undefined)
  const enforced = await startEnforced(t)
  const flow = await opened(t, enforced, target.port)
  flow.write('SSH-2.0-x\r\n')
  await closeOf(flow)
  t.is((await enforced.closedRecord()).closeReason, 'protocol_mismatch')
})

test('the first octets of the client are decided on before they are passed on', async (t) => {
  const heard: string[] = []
  const target = await startTarget(t, (socket) => {
    socket.on('data', (chunk) => heard.push(String(chunk)))
    socket.on('end', () => socket.end())
  })
  const noTls = decider({
    decide: ({ protocol }) => (protocol === 'tls' ? denial('protocol_mismatch') : permit),
  })
  const enforced = await startEnforced(t, { decider: noTls })
  const http = await opened(t, enforced, target.port)
  http.end('GET / HTTP/1.1\r\n\r\n')
  http.resume()
  t.like(await enforced.closedRecord(), { closeReason: 'done', facts: { protocol: 'http' } })
  const tls = await opened(t, enforced, target.port)
  tls.write(Uint8Array.of(22, 3, 1, 2, 0))
  await closeOf(tls)
  t.is((await enforced.closedRecord()).closeReason, 'protocol_mismatch')
  t.deepEqual(heard, ['GET / HTTP/1.1\r\n\r\n'])
})

test('A4: the first octets are decided on with the facts as they are by then, and by the address too', async (t) => {
  const target = await startTarget(t, pipeBack)
  const asked: Facts[] = []
  const noHttp = decider({
    decideAddress: (facts) => {
      asked.push(facts)
      return facts.protocol === 'http' ? denial('no_policy_matched') : permit
    },
  })
  const enforced = await startEnforced(t, { decider: noHttp })
  const flow = await opened(t, enforced, target.port)
  const [live] = enforced.table.list()
  if (live === undefined) throw new Error('no flow is open')
  const subject = { ...live.facts.subject, groups: ['left'] }
  enforced.table.update(live.id, { facts: { ...live.facts, subject } })
  flow.write('GET / HTTP/1.1\r\n\r\n')
  await closeOf(flow)
  t.like(asked.at(-1), { protocol: 'http', subject: { groups: ['left'] } })
  t.like(await enforced.closedRecord(), {
    closeReason: 'no_policy_matched',
    facts: { subject: { groups: ['left'] } },
  })
})

test('a permit that is enforced as SSH goes to SSH inspection with both streams', async (t) => {
  const target = await startTarget(t, pipeBack)
  const ssh = {
    unixUsers: ['demo'],
    record: 'required',
    hostKeys: [],
    hostAuthorities: [],
    grants: [DEFAULT_SSH_GRANT],
  } as const
  const sshPermit = { ...permit, enforcement: { kind: 'ssh', ssh } } as const
  const enforced = await startEnforced(t, {
    decider: decider({ decide: () => sshPermit, decideAddress: () => sshPermit }),
    serveSsh: async ({ client, reach, dialled, onSession }) => {
      const reached = await reach(() => t.fail('nothing to ask for'))
      if (!reached.ok) throw new Error(reached.error)
      const { socket, permit: given } = reached.value
      onSession('session-1')
      client.pipe(socket).pipe(client)
      await Promise.all([closeOf(client), closeOf(socket)])
      return { closeReason: `${given.application} ${dialled}`, fromClient: 1, fromTarget: 2 }
    },
  })
  const flow = await opened(t, enforced, target.port)
  flow.end('SSH-2.0-x\r\n')
  t.is(await textOf(flow), 'SSH-2.0-x\r\n')
  t.like(await enforced.closedRecord(), {
    closeReason: 'wiki 127.0.0.1',
    sessionId: 'session-1',
    sentBytes: 1,
  })
})
