/** UDP ASSOCIATE of the proxy port, with the clients that programs use. Flows end at real UDP sockets here. */
import dgram, { type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { SocksClient } from 'socks'
import { err, ok } from '#lib/result'
import { lookupSender, type SenderLookup } from '../../../daemon/listen/datagram-owner-os.ts'
import type { OpenDatagrams } from '../../../daemon/listen/open-flow.ts'
import { startProxyServer } from '../../../daemon/listen/proxy-server.ts'
import { createSocksUdp, type SocksUdpLimits } from '../../../daemon/listen/socks-udp-server.ts'
import { deferred } from '../../support/deferred.ts'
import { memoryLog } from '../../support/tunnel.ts'

async function bound(t: ExecutionContext, address = '127.0.0.1'): Promise<UdpSocket> {
  const socket = dgram.createSocket('udp4').bind(0, address)
  await once(socket, 'listening')
  t.teardown(() => new Promise<void>((resolve) => socket.close(() => resolve())))
  return socket
}

/** Sends back what comes, in capitals. */
async function echo(t: ExecutionContext): Promise<number> {
  const socket = await bound(t)
  socket.on('message', (message, { port, address }) => {
    socket.send(message.toString().toUpperCase(), port, address)
  })
  return socket.address().port
}

/** Flows to any name end at the port of 127.0.0.1; `denied.corp` is refused. */
function flowsTo(t: ExecutionContext) {
  const asked: string[] = []
  const closed: string[] = []
  const open: OpenDatagrams = async (transport, { host, port }) => {
    asked.push(`${transport} ${host}:${port}`)
    if (host === 'denied.corp') return err({ status: 403, reason: 'no_application' })
    const socket = await bound(t).catch(() => undefined)
    if (socket === undefined) return err({ status: 502, reason: 'target_unreachable' })
    let end = (_: { reason: string }): void => undefined
    const over = new Promise<{ reason: string }>((resolve) => {
      end = resolve
    })
    return ok({
      send: (payload) => socket.send(Buffer.from(payload), port, '127.0.0.1'),
      onDatagram: (listener) => void socket.on('message', listener),
      close: () => {
        closed.push(`${host}:${port}`)
        end({ reason: 'closed' })
      },
      dropped: 0,
      closed: over,
    })
  }
  return { asked, closed, open }
}

async function startProxy(
  t: ExecutionContext,
  openDatagrams?: OpenDatagrams,
  sender?: SenderLookup,
) {
  const log = memoryLog()
  const proxy = await startProxyServer({
    port: 0,
    openFlow: async () => err({ status: 403, reason: 'no_application' }),
    pac: () => '',
    lookupOwner: async () => 0,
    mayUse: (uid) => uid === process.getuid?.(),
    ...(openDatagrams !== undefined && { openDatagrams }),
    ...(sender !== undefined && { lookupSender: sender }),
    log,
  })
  t.teardown(() => proxy.close())
  return { port: proxy.port, log }
}

async function associate(t: ExecutionContext, port: number, clientPort = 0) {
  const client = new SocksClient({
    command: 'associate',
    proxy: { host: '127.0.0.1', port, type: 5 },
    destination: { host: '0.0.0.0', port: clientPort },
  })
  client.connect()
  const [{ socket, remoteHost }] = await once(client, 'established')
  t.teardown(() => socket.destroy())
  t.is(remoteHost.host, '127.0.0.1')
  return { socket: socket as net.Socket, relay: remoteHost.port as number }
}

const frame = (host: string, port: number, text: string) =>
  SocksClient.createUDPFrame({ remoteHost: { host, port }, data: Buffer.from(text) })

async function answer(socket: UdpSocket): Promise<string> {
  const [message] = await once(socket, 'message')
  const { remoteHost, data } = SocksClient.parseUDPFrame(message as Buffer)
  return `${remoteHost.host}:${remoteHost.port} ${String(data)}`
}

test('D1: the socks package sends and hears datagrams, one flow for each destination', async (t) => {
  const { asked, closed, open } = flowsTo(t)
  const [a, b] = [await echo(t), await echo(t)]
  const { port } = await startProxy(t, open)
  const { socket, relay } = await associate(t, port)
  const mine = await bound(t)
  mine.send(frame('ns.corp', a, 'one'), relay, '127.0.0.1')
  t.is(await answer(mine), `ns.corp:${a} ONE`)
  mine.send(frame('ns.corp', a, 'two'), relay, '127.0.0.1')
  t.is(await answer(mine), `ns.corp:${a} TWO`)
  mine.send(frame('10.0.0.5', b, 'three'), relay, '127.0.0.1')
  t.is(await answer(mine), `10.0.0.5:${b} THREE`)
  t.deepEqual(asked, [`udp ns.corp:${a}`, `udp 10.0.0.5:${b}`])
  socket.end()
  await once(socket, 'close')
  t.deepEqual(closed.sort(), [`10.0.0.5:${b}`, `ns.corp:${a}`])
})

test('D1: what was refused is not asked for again with every datagram', async (t) => {
  const { asked, open } = flowsTo(t)
  const { port } = await startProxy(t, open)
  const { relay } = await associate(t, port)
  const mine = await bound(t)
  for (const text of ['1', '2', '3']) mine.send(frame('denied.corp', 53, text), relay, '127.0.0.1')
  const there = await echo(t)
  mine.send(frame('ns.corp', there, 'last'), relay, '127.0.0.1')
  t.is(await answer(mine), `ns.corp:${there} LAST`)
  t.deepEqual(asked, ['udp denied.corp:53', `udp ns.corp:${there}`])
})

test('D1 D15: only the port that sent first is heard, and only it is answered', async (t) => {
  const { asked, open } = flowsTo(t)
  const there = await echo(t)
  const { port } = await startProxy(t, open)
  const { relay } = await associate(t, port)
  const [mine, other] = [await bound(t), await bound(t)]
  mine.send(frame('ns.corp', there, 'mine'), relay, '127.0.0.1')
  t.is(await answer(mine), `ns.corp:${there} MINE`)
  other.send(frame('evil.corp', there, 'x'), relay, '127.0.0.1')
  mine.send(frame('ns.corp', there, 'again'), relay, '127.0.0.1')
  t.is(await answer(mine), `ns.corp:${there} AGAIN`)
  t.deepEqual(asked, [`udp ns.corp:${there}`])
})

test('D1 D15: a declared port is the only one', async (t) => {
  const { asked, open } = flowsTo(t)
  const there = await echo(t)
  const { port } = await startProxy(t, open)
  const [mine, other] = [await bound(t), await bound(t)]
  const { relay } = await associate(t, port, mine.address().port)
  other.send(frame('evil.corp', there, 'x'), relay, '127.0.0.1')
  mine.send(frame('ns.corp', there, 'mine'), relay, '127.0.0.1')
  t.is(await answer(mine), `ns.corp:${there} MINE`)
  t.deepEqual(asked, [`udp ns.corp:${there}`])
})

test('D1 D15: another address of this machine is not the client', async (t) => {
  const { asked, open } = flowsTo(t)
  const there = await echo(t)
  const { port } = await startProxy(t, open)
  const { relay } = await associate(t, port)
  const [mine, other] = [await bound(t), await bound(t, '127.0.0.2')]
  other.send(frame('evil.corp', there, 'x'), relay, '127.0.0.1')
  mine.send(frame('ns.corp', there, 'mine'), relay, '127.0.0.1')
  t.is(await answer(mine), `ns.corp:${there} MINE`)
  t.deepEqual(asked, [`udp ns.corp:${there}`])
})

test("D1 D15: another user's program does not get hold of an association", async (t) => {
  const { asked, open } = flowsTo(t)
  const looked = deferred<number>()
  const { port, log } = await startProxy(t, open, async (_, senderPort) => {
    looked.resolve(senderPort)
    return 4242
  })
  const { socket, relay } = await associate(t, port)
  const mine = await bound(t)
  mine.send(frame('ns.corp', 53, 'x'), relay, '127.0.0.1')
  t.is(await looked.promise, mine.address().port)
  socket.end()
  await once(socket, 'close')
  t.deepEqual(asked, [])
  t.true(JSON.stringify(log.lines).includes('other_user'))
})

test('D1 D15: who comes to the port that another program left is not heard for long', async (t) => {
  const { open } = flowsTo(t)
  const owners = [process.getuid?.(), 4242]
  const askedAgain = deferred<void>()
  const { port, log } = await startProxy(t, open, async () => {
    if (owners.length === 1) askedAgain.resolve()
    return owners.shift()
  })
  const { socket, relay } = await associate(t, port)
  const [mine, there] = [await bound(t), await echo(t)]
  const send = () => mine.send(frame('ns.corp', there, 'x'), relay, '127.0.0.1')
  send()
  t.is(await answer(mine), `ns.corp:${there} X`)
  const sending = setInterval(send, 50)
  await askedAgain.promise
  // Another association may get the port of this relay.
  clearInterval(sending)
  socket.end()
  await once(socket, 'close')
  t.true(JSON.stringify(log.lines).includes('other_user'))
})

test('D15: the kernel names the user of a UDP port, bound to one address or to all', async (t) => {
  for (const address of ['127.0.0.1', '0.0.0.0']) {
    const socket = await bound(t, address)
    t.is(await lookupSender('127.0.0.1', socket.address().port), process.getuid?.())
  }
  const free = dgram.createSocket('udp4').bind(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address()
  await new Promise<void>((resolve) => free.close(() => resolve()))
  t.is(await lookupSender('127.0.0.1', port), undefined)
})

test('D1: without datagrams UDP ASSOCIATE is refused', async (t) => {
  const { port } = await startProxy(t)
  await t.throwsAsync(() => refusal(port), { message: /NotSupported|CommandNotSupported/i })
})

function refusal(port: number): Promise<never> {
  return new Promise((_, reject) => {
    const client = new SocksClient({
      command: 'associate',
      proxy: { host: '127.0.0.1', port, type: 5 },
      destination: { host: '0.0.0.0', port: 0 },
    })
    client.on('error', reject)
    client.connect()
  })
}

/** A relay of its own, with small limits. */
async function small(t: ExecutionContext, limits: Partial<SocksUdpLimits>) {
  const flows = flowsTo(t)
  const udp = createSocksUdp({
    openDatagrams: flows.open,
    maySend: async () => true,
    onRefused: () => undefined,
    log: memoryLog(),
    limits,
  })
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as net.AddressInfo
  const begin = async () => {
    const far = net.connect(port, '127.0.0.1')
    t.teardown(() => far.destroy())
    const [near] = (await once(server, 'connection')) as [net.Socket]
    return { far, near, begun: await udp.begin(near, 0) }
  }
  return { ...flows, begin }
}

test('D1: associations are bounded, and an end makes room', async (t) => {
  const { begin } = await small(t, { associations: 1 })
  const first = await begin()
  t.is(typeof first.begun, 'number')
  t.is((await begin()).begun, 'too_many_associations')
  first.far.destroy()
  await once(first.near, 'close')
  t.is(typeof (await begin()).begun, 'number')
})

test('D1: destinations of an association are bounded, and an idle flow makes room', async (t) => {
  const { asked, closed, begin } = await small(t, { destinations: 1, idleMs: 2000 })
  const [one, two] = [await echo(t), await echo(t)]
  const { begun } = await begin()
  const relay = Number(begun)
  const mine = await bound(t)
  mine.send(frame('a.corp', one, 'x'), relay, '127.0.0.1')
  t.is(await answer(mine), `a.corp:${one} X`)
  mine.send(frame('b.corp', two, 'lost'), relay, '127.0.0.1')
  mine.send(frame('a.corp', one, 'y'), relay, '127.0.0.1')
  t.is(await answer(mine), `a.corp:${one} Y`)
  t.deepEqual(asked, [`udp a.corp:${one}`])
  const heard = answer(mine)
  const again = setInterval(() => mine.send(frame('b.corp', two, 'z'), relay, '127.0.0.1'), 100)
  t.is(await heard, `b.corp:${two} Z`)
  clearInterval(again)
  t.true(closed.includes(`a.corp:${one}`))
})
