import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { resetSocket } from '#lib/net/reset-socket-os'

/** A connection of ours, and its peer; both keep half-open. */
async function socketPair(t: ExecutionContext): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const peer = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const [[ours]] = await Promise.all([once(server, 'connection'), once(peer, 'connect')])
  server.close()
  t.teardown(() => peer.destroy())
  for (const socket of [ours, peer]) socket.on('error', () => undefined)
  return [ours, peer]
}

const STATES: readonly (readonly [string, (ours: Socket) => unknown])[] = [
  ['nothing was said', () => undefined],
  ['more was said than the peer takes', (ours) => ours.write(Buffer.alloc(64 * 1024 * 1024))],
  ['more was said than the peer takes, and the end', (ours) => ours.end(Buffer.alloc(1 << 26))],
  ['the end was said in this turn', (ours) => ours.end()],
  ['the end was said in this turn, after data', (ours) => ours.end('bye')],
  ['the end was said a turn ago', (ours) => setImmediate(ours.end())],
  ['it was reset before', (ours) => resetSocket(ours)],
  ['the end was said and it was reset, in this turn', (ours) => resetSocket(ours.end())],
]
/** Of a peer that is told, and of one that was told the end before: it reads no more, and learns it as it writes. */
const TOLD = new Set(['ECONNRESET', 'EPIPE'])

for (const [when, say] of STATES) {
  test(`D1 G10: a connection is closed and its peer told when ${when}`, async (t) => {
    const [ours, peer] = await socketPair(t)
    const errors: unknown[] = []
    ours.on('error', (error) => errors.push(error))
    const told = new Promise<NodeJS.ErrnoException>((resolve) => peer.once('error', resolve))
    const closed = once(ours, 'close')
    await say(ours)
    resetSocket(ours)
    await closed
    t.deepEqual(errors, [])
    // Not before, so that it stalls where much is said.
    peer.resume().write('late')
    const error = await told
    t.true(TOLD.has(error.code ?? ''), error.message)
  })
}
