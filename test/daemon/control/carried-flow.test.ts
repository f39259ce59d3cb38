/** Connections of the control socket that become flows: what they refuse, and how they end. */
import { once } from 'node:events'
import net from 'node:net'
import { createInterface } from 'node:readline'
import test, { type ExecutionContext } from 'ava'
import type { ControlReply, OpenFlowRequest } from '#lib/api/control-api'
import { err, ok } from '#lib/result'
import { capsuleStreamOn } from '#lib/tunnel/capsule-stream-os'
import { type CarryDeps, createCarry } from '../../../daemon/control/carried-flow-server.ts'
import { startControlServer } from '../../../daemon/control/control-server.ts'
import { createDaemonFlows } from '../../../daemon/inside/daemon-flows-client.ts'
import { freshFolder } from '../../support/daemon-rig.ts'
import { deferred } from '../../support/deferred.ts'
import { memoryLog } from '../../support/tunnel.ts'

/** A control socket whose flows go to a stream of this test, or are refused. */
async function scene(t: ExecutionContext, change: Partial<CarryDeps> = {}) {
  const asked: string[] = []
  const openers: CarryDeps['openers'] = {
    openFlow: async ({ host, port }) => {
      asked.push(`${host}:${port}`)
      const target = net.connect(await echo(t))
      return ok(target)
    },
    openDatagrams: async () => err({ status: 403, reason: 'no_application' }),
  }
  const path = `${freshFolder(t)}/control.sock`
  const started = await startControlServer({
    ...{ path, ownerUid: 0, daemonUid: 0, log: memoryLog() },
    handle: async (request) => {
      // Longer than the end of a caller would take to come.
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
      return request.method === 'resolve'
        ? ok({ method: 'resolve', answer: request.query })
        : err({ code: 'none', message: 'none' })
    },
    carry: createCarry({
      openers,
      onlyPrivate: {
        openFlow: async () => err({ status: 403, reason: 'others_refused' }),
        openDatagrams: openers.openDatagrams,
      },
      names: {
        targetOf: ({ bytes }, port) =>
          bytes[0] === 100 ? undefined : { host: 'by-address', port },
      },
      ...change,
    }),
  })
  if (!started.ok) throw new Error(started.error.reason)
  t.teardown(() => started.value.close())
  return { asked, path }
}

async function echo(t: ExecutionContext): Promise<number> {
  const server = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return (server.address() as net.AddressInfo).port
}

/** The answer to a request, and the connection behind it. */
async function open(path: string, change: Partial<OpenFlowRequest> = {}, behind = '') {
  const request = { method: 'open', transport: 'tcp', host: 'wiki.corp.internal', port: 80 }
  const socket = net.connect({ path })
  socket.write(`${JSON.stringify({ ...request, ...change })}\n${behind}`)
  const lines = createInterface({ input: socket })
  const [line] = (await once(lines, 'line')) as [string]
  return { socket, reply: JSON.parse(line) as ControlReply }
}

const refusedFor = (reason: string) => ({
  type: 'result',
  value: { method: 'open', refusal: { reason } },
})

test('D6: a flow is carried, and ends in order', async (t) => {
  const { path, asked } = await scene(t)
  const { socket, reply } = await open(path)
  t.deepEqual(reply, { type: 'result', value: { method: 'open' } })
  t.deepEqual(asked, ['wiki.corp.internal:80'])
  const flow = capsuleStreamOn(socket)
  const closed = once(flow, 'close')
  flow.end('there and back')
  const [answer] = (await once(flow, 'data')) as [Buffer]
  t.is(String(answer), 'there and back')
  await closed
  t.is(flow.errored, null)
})

test('D6 D12: a name that takes its time is answered, and without a daemon so is the failure', async (t) => {
  const { path } = await scene(t)
  const query = Buffer.from('0001010000010000000000000477696b690000010001', 'hex')
  const { answerQuery } = createDaemonFlows(path, false)
  t.deepEqual(await answerQuery(query, 'udp'), query)
  const failed = await createDaemonFlows(`${path}.gone`, false).answerQuery(query, 'udp')
  t.is((failed?.[3] ?? 0) & 0xf, 2)
})

for (const [what, change, reason] of [
  ['the gateway', { transport: 'udp' }, 'no_application'],
  ['an address that stands for no name', { host: '100.80.1.1' }, 'target_unreachable'],
  ['no host at all', { host: 'a b' }, 'target_unreachable'],
  ['what would go directly', { onlyPrivate: true }, 'others_refused'],
] as const) {
  test(`D6: a flow that is refused says so: ${what}`, async (t) => {
    const { path } = await scene(t)
    t.like((await open(path, change)).reply, refusedFor(reason))
  })
}

test('D6 bad input: what is sent before the answer is refused, not lost', async (t) => {
  const { path, asked } = await scene(t)
  t.like((await open(path, {}, 'early')).reply, { type: 'error', code: 'bad_request' })
  t.deepEqual(asked, [])
})

test('D6: flows at once are bounded, and one that ended makes room', async (t) => {
  const { path } = await scene(t, { flowLimit: 1 })
  const first = await open(path)
  t.like((await open(path)).reply, refusedFor('too_many_flows'))
  const over = once(first.socket, 'close')
  first.socket.destroy()
  await over
  let last: ControlReply
  do last = (await open(path)).reply
  while (last.type === 'result' && 'refusal' in last.value)
  t.deepEqual(last, { type: 'result', value: { method: 'open' } })
})

test('D6: who was refused and stays is ended, and makes room', async (t) => {
  const { path } = await scene(t, { flowLimit: 1, refusedMs: 20 })
  const staying = net.connect({ path, allowHalfOpen: true })
  t.teardown(() => staying.destroy())
  staying.write('{"method":"open","transport":"udp","host":"wiki.corp.internal","port":80}\n')
  await once(staying.resume(), 'end')
  let last: ControlReply
  do last = (await open(path)).reply
  while (last.type === 'result' && 'refusal' in last.value)
  t.deepEqual(last, { type: 'result', value: { method: 'open' } })
})

test('D6: a flow that nobody waits for any more is given up', async (t) => {
  const givenUp = deferred<void>()
  const { path } = await scene(t, {
    openers: {
      openFlow: (_target, _claims, onGone) =>
        new Promise((resolve) => {
          onGone?.(() => {
            givenUp.resolve()
            resolve(err({ status: 503, reason: 'gave_up' }))
          })
        }),
      openDatagrams: async () => err({ status: 403, reason: 'no_application' }),
    },
  })
  const socket = net.connect({ path })
  socket.write('{"method":"open","transport":"tcp","host":"a","port":1}\n')
  await once(socket, 'connect')
  socket.end()
  await t.notThrowsAsync(givenUp.promise)
})
