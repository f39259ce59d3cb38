import { once } from 'node:events'
import net from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { startProxyServer } from '../../../daemon/listen/proxy-server.ts'
import { err } from '../../../lib/result.ts'
import { memoryLog } from '../../support/tunnel.ts'

/** A proxy port whose flows wait until their client goes away. */
async function startWaiting(t: ExecutionContext) {
  let asked = () => {}
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve
  })
  let gone = () => {}
  const isGone = new Promise<void>((resolve) => {
    gone = resolve
  })
  const proxy = await startProxyServer({
    port: 0,
    openFlow: (_target, _claims, onGone) =>
      new Promise((resolve) => {
        onGone?.(() => {
          gone()
          resolve(err({ status: 503, reason: 'connection_lost' }))
        })
        asked()
      }),
    pac: () => '',
    lookupOwner: async () => 0,
    mayUse: () => true,
    log: memoryLog(),
  })
  t.teardown(() => proxy.close())
  return { port: proxy.port, isAsked, isGone }
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
      const client = net.connect({ port, host: '127.0.0.1' })
      client.on('error', () => undefined)
      client.resume().write(request)
      await isAsked
      const closed = once(client, 'close')
      client[leave]()
      await isGone
      await closed
      t.true(client.destroyed)
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
  // What another one asks for after that is seen after it.
  const page = net.connect({ port, host: '127.0.0.1' })
  page.write('GET /proxy.pac HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const first = await Promise.race([
    isGone.then(() => 'gone'),
    once(page, 'data').then(() => 'waits'),
  ])
  t.is(first, 'waits')
  page.destroy()
  client.destroy()
})
