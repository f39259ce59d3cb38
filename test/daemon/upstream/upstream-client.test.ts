import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { ok } from '#lib/result'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import { exchange } from '../../../daemon/enrol/https-json-client.ts'
import { startProxyServer } from '../../../daemon/listen/proxy-server.ts'
import { agentOver, createDial } from '../../../daemon/upstream/upstream-client.ts'
import { issue, makeCa } from '../../support/certificates.ts'
import {
  registrationOf,
  startDaemonRig,
  startGatewayFor,
  startWeb,
} from '../../support/daemon-rig.ts'
import { startHttps } from '../../support/https-target.ts'
import { runProgram } from '../../support/run-program.ts'
import { memoryLog } from '../../support/tunnel.ts'

/** A proxy of ours stands in for the organisation's: it speaks SOCKS and HTTP, and notes where it was led. */
async function startUpstream(t: ExecutionContext) {
  const asked: FlowTarget[] = []
  const proxy = await startProxyServer({
    port: 0,
    openFlow: async (target) => {
      asked.push(target)
      return ok(net.connect({ ...target, allowHalfOpen: true }))
    },
    pac: () => '',
    lookupOwner: async () => 0,
    mayUse: () => true,
    log: memoryLog(),
  })
  t.teardown(() => proxy.close())
  return { port: proxy.port, asked }
}

for (const scheme of ['socks5', 'socks4a', 'http']) {
  for (const way of ['setting', 'environment'] as const) {
    test(`D1: the tunnel comes up through a ${scheme} proxy named by ${way}`, async (t) => {
      const web = await startWeb(t)
      const gateway = await startGatewayFor(t, web.port)
      const upstream = await startUpstream(t)
      const url = `${scheme}://127.0.0.1:${upstream.port}`
      const rig = await startDaemonRig(t, {
        registration: registrationOf(gateway, await gateway.enrol()),
        ...(way === 'setting'
          ? { config: { upstreamProxy: url } }
          : { environment: { ALL_PROXY: url } }),
      })
      await rig.until(({ state, domains }) => state === 'connected' && domains.length > 0)
      const page = await runProgram([
        'curl',
        '-sS',
        '--proxy',
        rig.proxy,
        'http://wiki.corp.internal/u',
      ])
      t.is(page.stdout, 'page /u')
      t.deepEqual(upstream.asked[0], { host: '127.0.0.1', port: gateway.server.address.port })
    })
  }
}

test('D1: a proxy that asks for a password gets the one of the URL', async (t) => {
  const seen: (string | undefined)[] = []
  const proxy = http.createServer()
  proxy.on('connect', (request, client) => {
    seen.push(request.headers['proxy-authorization'])
    client.on('error', () => {})
    client.end('HTTP/1.1 200 OK\r\n\r\n')
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  const { port } = proxy.address() as AddressInfo
  const dial = createDial({ urlFor: () => `http://me:s%20x@127.0.0.1:${port}`, ownPorts: () => [] })
  const socket = await dial({ host: 'gw.example', port: 1 }, AbortSignal.timeout(5000))
  socket.destroy()
  t.deepEqual(seen, [`Basic ${Buffer.from('me:s x').toString('base64')}`])
})

test('D1: a proxy that refuses, is away, or is ourselves gives a stable reason without the password', async (t) => {
  const proxy = http.createServer()
  proxy.on('connect', (_request, client) =>
    client.on('error', () => {}).end('HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n'),
  )
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  const { port } = proxy.address() as AddressInfo
  const cases: [string, string][] = [
    [`http://me:hunter2@127.0.0.1:${port}`, 'upstream_asks_password'],
    ['http://me:hunter2@127.0.0.1:1', 'upstream_unreachable'],
    ['socks5://me:hunter2@127.0.0.1:1', 'upstream_unreachable'],
    ['socks5://me:hunter2@127.0.0.1:7', 'upstream_is_self'],
    ['gopher://me:hunter2@127.0.0.1:7', 'bad_proxy_url'],
  ]
  for (const [url, reason] of cases) {
    const dial = createDial({ urlFor: () => url, ownPorts: () => [7] })
    const error = await t.throwsAsync(() =>
      dial({ host: 'gw.example', port: 1 }, AbortSignal.timeout(5000)),
    )
    t.like(error, { reason })
    t.false(
      JSON.stringify({ ...error, message: error?.message, stack: error?.stack }).includes(
        'hunter2',
      ),
    )
  }
})

test('D1: a proxy that never answers is given up at the deadline', async (t) => {
  const silent = net.createServer()
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const { port } = silent.address() as AddressInfo
  for (const scheme of ['http', 'https', 'socks5']) {
    const dial = createDial({ urlFor: () => `${scheme}://127.0.0.1:${port}`, ownPorts: () => [] })
    const closed = new Promise((resolve) => {
      silent.once('connection', (socket) =>
        socket
          .on('error', () => {})
          .on('close', resolve)
          .resume(),
      )
    })
    const error = await t.throwsAsync(() =>
      dial({ host: 'gw.example', port: 1 }, AbortSignal.timeout(200)),
    )
    t.like(error, { reason: 'connect_timeout' })
    await closed
  }
})

test('D8: a deadline that passes later does not end a connection that stands', async (t) => {
  const server = net.createServer((socket) => socket.on('error', () => {}).pipe(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const upstream = await startUpstream(t)
  for (const url of [
    undefined,
    `socks5://127.0.0.1:${upstream.port}`,
    `http://127.0.0.1:${upstream.port}`,
  ]) {
    const late = new AbortController()
    const socket = await createDial({ urlFor: () => url, ownPorts: () => [] })(
      { host: '127.0.0.1', port },
      late.signal,
    )
    late.abort()
    socket.write('still here')
    const [echo] = (await once(socket, 'data')) as [Buffer]
    t.is(echo.toString(), 'still here')
    socket.destroy()
  }
})

test('D7: enrolment calls go through the proxy, and the certificate is checked all the same', async (t) => {
  const upstream = await startUpstream(t)
  const [ca, otherCa] = await Promise.all([makeCa('one'), makeCa('other')])
  const usage = 'serverAuth' as const
  const right = await issue(ca, { names: [{ type: 'ip', value: '127.0.0.1' }], usage })
  const wrong = await issue(ca, { names: [{ type: 'dns', value: 'other.example' }], usage })
  const urlFor = () => `socks5://127.0.0.1:${upstream.port}`
  const agent = agentOver(createDial({ urlFor, ownPorts: () => [] }))
  const start = async ({ certificate, key }: { certificate: string; key: string }) => {
    const identity = { certPem: certificate, keyPem: key }
    const server = await startHttps(identity, (_, response) => response.end('{}'))
    t.teardown(() => server.close())
    return new URL(server.url)
  }
  const url = await start(right)
  t.deepEqual(await exchange({ url, ca: ca.pem, agent }), { status: 200, body: '{}' })
  t.deepEqual(upstream.asked, [{ host: '127.0.0.1', port: Number(url.port) }])
  await t.throwsAsync(() => exchange({ url, ca: otherCa.pem, agent }))
  const impostor = await start(wrong)
  await t.throwsAsync(() => exchange({ url: impostor, ca: ca.pem, agent }), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
})
