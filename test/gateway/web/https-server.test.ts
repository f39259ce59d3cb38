import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { connect, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { PROVIDER_LIMIT_MS } from '../../../gateway/identity/deadline-client.ts'
import { createAuthority } from '../../../gateway/keys/certificate.ts'
import { issueServerCertificate } from '../../../gateway/keys/server-certificate.ts'
import { DEFAULT_PENDING_LIMITS } from '../../../gateway/tunnel/pending-limit.ts'
import { createHttpsServer, listenOn } from '../../../gateway/web/https-server.ts'
import { freeAddress } from '../../support/free-address.ts'
import { memoryLog } from '../../support/tunnel.ts'

/** An origin that says hello. */
async function start(t: ExecutionContext) {
  const lifetimeMs = 3650 * 86_400_000
  const ca = await createAuthority({ commonName: 'CA', nowMs: Date.now(), lifetimeMs })
  const listen = await freeAddress()
  const url = new URL(`https://${listen.host}:${listen.port}`)
  const tls = await issueServerCertificate(ca, listen.host, Date.now())
  const app = createHttpsServer({ url, tls, log: memoryLog() })
  app.get('/', async () => 'hello')
  await listenOn(app, listen)
  t.teardown(() => app.close())

  const connectFrom = async (localAddress: string): Promise<Socket> => {
    const socket = connect({ ...listen, localAddress }).on('error', () => undefined)
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  const get = async (localAddress: string): Promise<IncomingMessage> => {
    const asked = request(url, { ca: ca.certificatePem, localAddress, agent: false })
    asked.setHeader('connection', 'keep-alive')
    asked.end()
    const [answer] = await once(asked, 'response')
    answer.resume()
    t.teardown(() => asked.destroy())
    return answer
  }
  return { app, connectFrom, get }
}

test('T122: one source has a share of the connections, however slow it is, and others have theirs', async (t) => {
  const { connectFrom, get } = await start(t)
  const idle: Socket[] = []
  for (let n = 0; n < DEFAULT_PENDING_LIMITS.perSource; n += 1) {
    idle.push(await connectFrom('127.0.0.1'))
  }
  await once(await connectFrom('127.0.0.1'), 'close')
  await t.throwsAsync(get('127.0.0.1'))
  t.is((await get('127.0.0.2')).statusCode, 200)
  idle.pop()?.destroy()
  const next = async (): Promise<IncomingMessage> => get('127.0.0.1').catch(next)
  t.is((await next()).statusCode, 200)
})

test('T122: a connection without a request is kept for five seconds', async (t) => {
  const { get } = await start(t)
  t.is((await get('127.0.0.1')).headers['keep-alive'], 'timeout=5')
})

test('A6: a browser still waits when the time of a provider is over', async (t) => {
  const { app } = await start(t)
  t.true(app.server.timeout > PROVIDER_LIMIT_MS)
})
