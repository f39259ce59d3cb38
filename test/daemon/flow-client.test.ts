import { getEventListeners, once } from 'node:events'
import { createServer } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { createOpenDatagrams, createOpenFlow } from '../../daemon/flow-client.ts'
import { compileRoutes } from '../../daemon/route.ts'
import { freeAddress } from '../support/free-address.ts'

/** A portal at an address that the routes lead into a tunnel, which is away. */
async function startPortal(t: ExecutionContext) {
  const { host } = await freeAddress()
  const server = createServer((socket) => socket.on('error', () => undefined).write('hotel'))
  server.listen(80, host)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const settings = { domains: [], prefixes: [`${host}/32`], others: 'refuse' } as const
  const { routeFor } = compileRoutes(settings, { gateway: [], ownPorts: [], refuseOthers: false })
  const end = new AbortController()
  const source = {
    flowState: {
      isSettling: true,
      routes: { settings, routeFor },
      tunnel: 'gateway_unreachable' as const,
    },
    portal: { portal: { host: 'p.hotel.example', port: 80, addresses: [host] }, until: end.signal },
    settled: async () => undefined,
  }
  return { host, source, end }
}

test('D13: an open portal is reached by name and address, while all else is refused', async (t) => {
  const { host, source, end } = await startPortal(t)
  const open = createOpenFlow(source)
  const flows = []
  for (const to of ['p.hotel.example', host]) {
    const flow = await open({ host: to, port: 80 }, {})
    if (!flow.ok) return t.fail(flow.error.reason)
    t.is(String((await once(flow.value, 'data'))[0]), 'hotel')
    flows.push(flow.value)
  }
  t.like(await open({ host, port: 22 }, {}), { error: { reason: 'gateway_unreachable' } })
  t.like(await open({ host: '198.51.100.1', port: 80 }, {}), {
    error: { reason: 'others_refused' },
  })
  const ended = flows.map((flow) => once(flow, 'close'))
  end.abort()
  await Promise.all(ended)
})

test('D13: datagrams go to port 53 of an open portal, and end with it', async (t) => {
  const { host, source, end } = await startPortal(t)
  const open = createOpenDatagrams(source)
  const flow = await open('udp', { host, port: 53 }, {})
  if (!flow.ok) return t.fail(flow.error.reason)
  t.like(await open('udp', { host, port: 123 }, {}), { error: { reason: 'gateway_unreachable' } })
  end.abort()
  t.like(await flow.value.closed, { reason: 'closed' })
})

test('D13: a connection to a portal that ended is not kept until the portal closes', async (t) => {
  const { host, source, end } = await startPortal(t)
  const flow = await createOpenFlow(source)({ host, port: 80 }, {})
  const datagrams = await createOpenDatagrams(source)('udp', { host, port: 53 }, {})
  if (!flow.ok || !datagrams.ok) return t.fail('not opened')
  t.is(getEventListeners(end.signal, 'abort').length, 2)
  flow.value.destroy()
  await once(flow.value, 'close')
  datagrams.value.close()
  await datagrams.value.closed
  await new Promise(setImmediate)
  t.is(getEventListeners(end.signal, 'abort').length, 0)
})

test('D13: what goes to private destinations alone goes to no portal', async (t) => {
  const { host, source } = await startPortal(t)
  const open = createOpenFlow(source, { onlyPrivate: true })
  t.like(await open({ host, port: 80 }, {}), { error: { reason: 'others_refused' } })
})

test('D13: without one that is open nothing goes there', async (t) => {
  const { host, source } = await startPortal(t)
  const { portal: _, ...closed } = source
  const open = createOpenFlow(closed)
  t.like(await open({ host, port: 80 }, {}), { error: { reason: 'gateway_unreachable' } })
})
