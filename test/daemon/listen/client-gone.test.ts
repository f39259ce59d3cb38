import { once } from 'node:events'
import net from 'node:net'
import { Duplex } from 'node:stream'
import test, { type ExecutionContext } from 'ava'
import { startProxyServer } from '../../../daemon/listen/proxy-server.ts'
import { err, ok, type Result } from '../../../lib/result.ts'
import type { FlowRefusal, OnGone } from '../../../lib/tunnel/tunnel-connection.ts'
import { deferred } from '../../support/deferred.ts'
import { memoryLog } from '../../support/tunnel.ts'

type Flow = (onGone: OnGone) => Promise<Result<Duplex, FlowRefusal>>

/** A proxy port whose flows come to be in this way. */
async function startProxy(t: ExecutionContext, flow: Flow) {
  const asked = deferred<void>()
  const proxy = await startProxyServer({
    port: 0,
    openFlow: (_target, _claims, onGone = () => undefined) => {
      asked.resolve()
      return flow(onGone)
    },
    pac: () => '',
    lookupOwner: async () => 0,
    mayUse: () => true,
    log: memoryLog(),
  })
  t.teardown(() => proxy.close())
  return { port: proxy.port, isAsked: asked.promise }
}

/** Flows that wait until their client goes away. */
async function startWaiting(t: ExecutionContext, ready: Promise<void> = Promise.resolve()) {
  const gone = deferred<void>()
  const proxy = await startProxy(t, async (onGone) => {
    await ready
    await new Promise<void>((resolve) => onGone(resolve))
    gone.resolve()
    return err({ status: 503, reason: 'connection_lost' })
  })
  return { ...proxy, isGone: gone.promise }
}

function open(port: number, request: Buffer | string): net.Socket {
  const client = net.connect({ port, host: '127.0.0.1' })
  client.on('error', () => undefined)
  client.resume().write(request)
  return client
}

/** What another one asks for is answered after all that came before. */
async function seen(port: number): Promise<void> {
  const page = open(port, 'GET /proxy.pac HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(page, 'data')
  page.destroy()
}

const requests: Record<string, Buffer | string> = {
  SOCKS5: Buffer.from([5, 1, 0, 5, 1, 0, 1, 10, 0, 0, 1, 0, 80]),
  SOCKS4: Buffer.from([4, 1, 0, 80, 10, 0, 0, 1, 0]),
  CONNECT: 'CONNECT wiki:80 HTTP/1.1\r\nHost: wiki:80\r\n\r\n',
  'plain HTTP': 'GET http://wiki/ HTTP/1.1\r\nHost: wiki\r\n\r\n',
}
for (const [title, request] of Object.entries(requests)) {
  for (const leave of ['end', 'resetAndDestroy'] as const) {
    test(`D9: a ${title} client that goes away (${leave}) gives its flow up`, async (t) => {
      const { port, isAsked, isGone } = await startWaiting(t)
      const client = open(port, request)
      await isAsked
      const closed = once(client, 'close')
      client[leave]()
      await isGone
      await closed
      t.true(client.destroyed)
    })

    test(`D9: a ${title} client that went away (${leave}) before its flow is asked for is noticed`, async (t) => {
      const ready = deferred<void>()
      const { port, isAsked, isGone } = await startWaiting(t, ready.promise)
      const client = open(port, request)
      await isAsked
      const closed = once(client, 'close')
      client[leave]()
      await closed
      await seen(port)
      ready.resolve()
      await isGone
      t.true(client.destroyed)
    })

    test(`D9: a flow that comes after its ${title} client went away (${leave}) is closed`, async (t) => {
      const ready = deferred<void>()
      const flow = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
      const { port, isAsked } = await startProxy(t, async () => {
        await ready.promise
        return ok(flow)
      })
      const client = open(port, request)
      await isAsked
      const closed = once(client, 'close')
      client[leave]()
      await closed
      await seen(port)
      ready.resolve()
      await once(flow, 'close')
      t.true(flow.destroyed)
    })
  }
}

test('D9: a client that sent ahead and then ended still waits for its answer', async (t) => {
  const { port, isAsked, isGone } = await startWaiting(t)
  const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => undefined)
  client.resume().write(requests['CONNECT'] ?? '')
  await isAsked
  client.end('early')
  await once(client, 'finish')
  const first = await Promise.race([isGone.then(() => 'gone'), seen(port).then(() => 'waits')])
  t.is(first, 'waits')
  client.destroy()
})
