/** Other people's proxy clients against our port: the packages that programs use, beside curl and nc. */
import { once } from 'node:events'
import http, { type Agent } from 'node:http'
import net from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { HttpProxyAgent } from 'http-proxy-agent'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { SocksClient } from 'socks'
import { err, ok } from '#lib/result'
import { startProxyServer } from '../../../daemon/listen/proxy-server.ts'
import { startWeb } from '../../support/daemon-rig.ts'
import { memoryLog } from '../../support/tunnel.ts'

async function startProxy(t: ExecutionContext) {
  const web = await startWeb(t)
  const proxy = await startProxyServer({
    port: 0,
    openFlow: async ({ host }) =>
      host === 'denied.corp'
        ? err({ status: 403, reason: 'no_application' })
        : ok(net.connect({ host: '127.0.0.1', port: web.port, allowHalfOpen: true })),
    pac: () => '',
    lookupOwner: async () => 0,
    mayUse: () => true,
    log: memoryLog(),
  })
  t.teardown(() => proxy.close())
  return proxy.port
}

async function fetchBy(agent: Agent, url: string): Promise<string> {
  const [response] = await once(http.get(url, { agent }), 'response')
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return `${response.statusCode} ${body}`
}

test('D1: http-proxy-agent and https-proxy-agent reach a target, and see a refusal', async (t) => {
  const port = await startProxy(t)
  const plain = new HttpProxyAgent(`http://127.0.0.1:${port}`)
  t.is(await fetchBy(plain, 'http://wiki.corp/p'), '200 page /p')
  t.regex(await fetchBy(plain, 'http://denied.corp/'), /^403 .*reason: no_application/s)
  const connect = new HttpsProxyAgent(`http://127.0.0.1:${port}`)
  t.is(await fetchBy(connect, 'http://wiki.corp/c'), '200 page /c')
  t.regex(await fetchBy(connect, 'http://denied.corp/'), /^403 /)
})

for (const type of [4, 5] as const) {
  test(`D1: the socks package reaches a target by SOCKS${type}, and sees a refusal`, async (t) => {
    const port = await startProxy(t)
    const connect = (host: string) =>
      SocksClient.createConnection({
        command: 'connect',
        proxy: { host: '127.0.0.1', port, type },
        destination: { host, port: 80 },
      })
    const { socket } = await connect('wiki.corp')
    socket.end('GET /s HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n').resume()
    let answer = ''
    socket.on('data', (chunk) => {
      answer += String(chunk)
    })
    await once(socket, 'close')
    t.regex(answer, /page \/s/)
    await t.throwsAsync(() => connect('denied.corp'))
  })
}
