import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectSession, constants } from 'node:http2'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { connect as connectTls } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import {
  denial,
  type Enforced,
  permitAll,
  startEnforced,
  startTarget,
} from '../../support/decisions.ts'
import { connectDevice } from '../../support/tunnel.ts'

const MIB = 1024 * 1024
const BULK_MIB = 100
const block = randomBytes(MIB)
const manyBlocks = (count: number) => Readable.from(Array.from({ length: count }, () => block))
const wanted = createHash('sha256')
for (let sent = 0; sent < BULK_MIB; sent++) wanted.update(block)
const wantedDigest = wanted.digest('hex')

/** Iterating would destroy the stream at its end, and with it the other direction. */
function digestOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256')
  stream.on('data', (chunk) => hash.update(chunk))
  return new Promise((resolve, reject) => {
    stream.once('end', () => resolve(hash.digest('hex')))
    stream.once('error', reject)
  })
}

async function openedFlow(t: ExecutionContext, { tunnel }: Enforced, port: number) {
  const connection = await connectDevice(t, tunnel.client(await tunnel.enrol()))
  const flow = await connection.openFlow({ host: 'wiki', port }, {})
  if (!flow.ok) throw new Error(flow.error.reason)
  return flow.value
}

test('100 MiB each way at once arrive whole, by hash', async (t) => {
  let digest: Promise<string> | undefined
  const target = await startTarget(t, (socket) => {
    digest = digestOf(socket)
    pipeline(manyBlocks(BULK_MIB), socket).catch(() => undefined)
  })
  const enforced = await startEnforced(t)
  const flow = await openedFlow(t, enforced, target.port)
  const down = digestOf(flow)
  await pipeline(manyBlocks(BULK_MIB), flow, { end: true })
  t.is(await down, wantedDigest)
  t.is(await digest, wantedDigest)
  t.like(await enforced.closedRecord(), {
    closeReason: 'done',
    sentBytes: BULK_MIB * MIB,
    receivedBytes: BULK_MIB * MIB,
  })
})

test('300 flows at once are carried, each its own octets', async (t) => {
  const target = await startTarget(t, (socket) => {
    socket.pipe(socket)
  })
  const enforced = await startEnforced(t)
  const { tunnel } = enforced
  const connection = await connectDevice(t, tunnel.client(await tunnel.enrol()))
  const answers = await Promise.all(
    Array.from({ length: 300 }, async (_, index) => {
      const flow = await connection.openFlow({ host: 'wiki', port: target.port }, {})
      if (!flow.ok) return flow.error.reason
      flow.value.end(`flow ${index}`)
      const chunks: Buffer[] = []
      for await (const chunk of flow.value) chunks.push(chunk)
      return Buffer.concat(chunks).toString()
    }),
  )
  t.deepEqual(
    answers,
    answers.map((_, index) => `flow ${index}`),
  )
  t.true(connection.usable)
})

test('a reader that stops holds up its own flow within bounds, and no other', async (t) => {
  let produced = 0
  const endless = (socket: Socket) => {
    const feed = () => {
      while (socket.writable && socket.write(block)) produced += MIB
    }
    socket.on('drain', feed)
    feed()
  }
  const target = await startTarget(t, endless)
  const echo = await startTarget(t, (socket) => {
    socket.pipe(socket)
  })
  const enforced = await startEnforced(t)
  const { tunnel } = enforced
  const connection = await connectDevice(t, tunnel.client(await tunnel.enrol()))
  const slow = await connection.openFlow({ host: 'wiki', port: target.port }, {})
  if (!slow.ok) return t.fail(slow.error.reason)
  // Two looks apart in time that see the same amount: the flow stands still.
  const settled = async () => {
    for (let before = -1; before !== produced; ) {
      before = produced
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  await settled()
  t.true(slow.value.readableLength <= 5 * MIB, `${slow.value.readableLength} octets are held`)
  t.true(produced < 32 * MIB, `${produced} octets were taken`)
  const other = await connection.openFlow({ host: 'wiki', port: echo.port }, {})
  if (!other.ok) return t.fail(other.error.reason)
  other.value.write('hi')
  t.is(String((await once(other.value, 'data'))[0]), 'hi')
})

test('a truncated upload does not look whole to the target', async (t) => {
  const ends: string[] = []
  const target = await startTarget(t, (socket) => {
    socket.on('data', () => undefined)
    for (const event of ['end', 'error', 'close']) socket.on(event, () => ends.push(event))
  })
  const enforced = await startEnforced(t)
  const flow = await openedFlow(t, enforced, target.port)
  const [socket] = target.sockets
  if (socket === undefined) return t.fail()
  const heard = once(socket, 'data')
  flow.write('half of it')
  await heard
  const closed = new Promise((resolve) => socket.once('close', resolve))
  flow.destroy()
  await closed
  t.deepEqual(ends, ['error', 'close'])
})

test('a truncated download does not look whole to the program', async (t) => {
  // Reset when asked: libuv reads a reset that comes together with the last octets as an orderly end.
  const target = await startTarget(t, (socket) => {
    socket.write('half of it')
    socket.once('data', () => socket.resetAndDestroy())
  })
  const enforced = await startEnforced(t)
  const flow = await openedFlow(t, enforced, target.port)
  const ends: string[] = []
  for (const event of ['end', 'error', 'close']) flow.on(event, () => ends.push(event))
  flow.once('data', () => flow.write('now'))
  await new Promise((resolve) => flow.once('close', resolve))
  t.deepEqual(ends, ['error', 'close'])
})

test('T122: a device that resets streams without end loses its connection, not the gateway', async (t) => {
  const enforced = await startEnforced(t, {}, { pingMs: 3000 })
  const { tunnel } = enforced
  const device = await tunnel.enrol()
  const socket = connectTls({
    ...{ host: '127.0.0.1', port: tunnel.server.address.port, ca: tunnel.gatewayCa.pem },
    ...{ cert: device.credentials.certificate, key: device.credentials.key },
    ALPNProtocols: ['h2'],
  })
  const session = connectSession('https://127.0.0.1', { createConnection: () => socket })
  session.on('error', () => undefined)
  await once(session, 'remoteSettings')
  t.teardown(() => socket.destroy())
  const closed = tunnel.log.next('tunnel connection closed')
  const openAndReset = (): void => {
    if (session.closed || session.destroyed) return
    const stream = session.request({ ':method': 'CONNECT', ':authority': 'wiki:1' })
    stream.on('error', () => undefined)
    stream.once('close', () => setImmediate(openAndReset))
    stream.close(constants.NGHTTP2_CANCEL)
  }
  for (let at = 0; at < 50; at++) openAndReset()
  await closed
  const again = await connectDevice(t, tunnel.client(device))
  t.true(again.usable)
})

test('5000 refused flows cost no connection', async (t) => {
  const decider = { ...permitAll, decide: () => denial('no_application') }
  const enforced = await startEnforced(t, { decider })
  const { tunnel } = enforced
  const connection = await connectDevice(t, tunnel.client(await tunnel.enrol()))
  const ask = () => connection.openFlow({ host: 'wiki', port: 1 }, {})
  for (let round = 0; round < 50; round++) {
    const answers = await Promise.all(Array.from({ length: 100 }, ask))
    t.true(answers.every((answer) => !answer.ok && answer.error.reason === 'no_application'))
  }
  t.true(connection.usable)
})
