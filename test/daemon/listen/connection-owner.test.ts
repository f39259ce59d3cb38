import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import {
  createOwnerLookup,
  type OwnerLookup,
  procLookup,
} from '../../../daemon/listen/connection-owner-os.ts'
import { type Connection, parseAnswer, printQuery } from '../../../daemon/listen/inet-diag.ts'
import { connectionKey, parseTable } from '../../../daemon/listen/proc-net-tcp.ts'

const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const V4 =
  '   0: 0100007F:1F90 0200007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 12345 1'
const MAPPED =
  '   1: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000200007F:C350 01 0:0 0:0 0 7 0 9'
const V6 =
  '   2: 000080FE000000000000000001000000:0016 B80D0120000000000000000002000000:0050 06 0:0 0:0 0 0 0 0'

const connection: Connection = {
  sourceAddress: '127.0.0.1',
  sourcePort: 8080,
  destinationAddress: '127.0.0.2',
  destinationPort: 50000,
}

test('D15 /proc/net/tcp: IPv4, mapped and IPv6 rows are read', (t) => {
  const row = { sourcePort: 8080, destinationPort: 50000, state: 1, uid: 1000, inode: 12345 }
  t.deepEqual(parseTable([HEADER, V4, ''].join('\n')).get(connectionKey(connection)), row)
  const mapped = parseTable([HEADER, MAPPED].join('\n')).get(connectionKey(connection))
  t.deepEqual(mapped, { ...row, uid: 7, inode: 9 })
  const [[key, v6] = []] = [...parseTable([HEADER, V6].join('\n'))]
  t.is(key, 'fe80::1 22 2001:db8::2 80')
  t.like(v6, { state: 6, inode: 0 })
})

test('D15 /proc/net/tcp and sock_diag: random input never throws', (t) => {
  const total = fc.property(fc.string(), fc.uint8Array({ maxLength: 200 }), (text, octets) => {
    parseTable(`${HEADER}\n${text}`)
    parseAnswer(Buffer.from(octets), 1)
  })
  t.notThrows(() => fc.assert(total, { numRuns: process.env['ZT_FULL'] ? 5000 : 200 }))
})

test('D15 sock_diag: an answer to another question, or an error, is no answer', (t) => {
  const query = printQuery(connection, 7)
  t.is(query.length, 72)
  const answer = Buffer.alloc(88)
  answer.writeUInt16LE(20, 4)
  answer.writeUInt32LE(7, 8)
  t.not(parseAnswer(answer, 7), undefined)
  t.is(parseAnswer(answer, 8), undefined)
  answer.writeUInt16LE(2, 4)
  t.is(parseAnswer(answer, 7), undefined)
})

/** A connection of this process, seen from its listening end. */
async function connect(t: ExecutionContext): Promise<{ client: Socket; seen: Connection }> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection')
  const client = net.connect(port, '127.0.0.1')
  const [socket] = (await accepted) as [Socket]
  t.teardown(() => socket.destroy())
  const seen = {
    sourceAddress: '127.0.0.1',
    sourcePort: socket.remotePort ?? 0,
    destinationAddress: '127.0.0.1',
    destinationPort: port,
  }
  return { client, seen }
}

const lookups: [string, OwnerLookup][] = [
  ['sock_diag', createOwnerLookup().lookup],
  ['/proc', procLookup()],
]
test('D15: sock_diag is what is used where koffi is installed', (t) => {
  t.is(createOwnerLookup().source, 'sock_diag')
})
for (const [title, lookup] of lookups) {
  test(`D15 ${title}: knows our own connection, and none that is not there`, async (t) => {
    const { client, seen } = await connect(t)
    t.is(await lookup(seen), 0)
    // The listener must not stand in for a connection that does not exist.
    t.is(await lookup({ ...seen, sourcePort: 1 }), undefined)
    t.is(await lookup({ ...seen, sourcePort: seen.destinationPort, destinationPort: 1 }), undefined)
    client.destroy()
    await once(client, 'close')
    t.is(await lookup(seen), undefined)
  })
}

test('D15: many questions at once each get their own answer', async (t) => {
  const connections = await Promise.all(Array.from({ length: 20 }, () => connect(t)))
  for (const [, lookup] of lookups) {
    const owners = await Promise.all(connections.map(({ seen }) => lookup(seen)))
    t.deepEqual(owners, Array(20).fill(0))
  }
  for (const { client } of connections) client.destroy()
})
