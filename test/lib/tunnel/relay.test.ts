import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { type CheckOpening, type RelayOptions, relay } from '#lib/tunnel/relay'

const RUNS = process.env['ZT_FULL'] === undefined ? 25 : 1000

/** Two connected TCP sockets that both keep half-open. */
async function socketPair(t: ExecutionContext): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const near = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  const [far] = (await once(server, 'connection')) as [Socket]
  server.close()
  t.teardown(() => {
    near.destroy()
    far.destroy()
  })
  for (const socket of [near, far]) socket.on('error', () => undefined)
  return [near, far]
}

/** client — a ══ relay ══ b — target */
async function startRelay(t: ExecutionContext, options: RelayOptions = {}) {
  const [client, a] = await socketPair(t)
  const [b, target] = await socketPair(t)
  const endOf = (stream: Socket) => ({ stream, reset: () => stream.resetAndDestroy() })
  return { client, target, running: relay(endOf(a), endOf(b), options) }
}

const write = (socket: Socket, chunk: Uint8Array) =>
  new Promise<void>((resolve) => socket.write(chunk, () => resolve()))

function collect(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  return once(socket, 'end').then(() => Buffer.concat(chunks))
}

test('relay: any chunks arrive as the same octets both ways, and are counted', async (t) => {
  const chunk = fc.uint8Array({ maxLength: 20_000 })
  const carries = fc.asyncProperty(fc.array(chunk), fc.array(chunk), async (up, down) => {
    const { client, target, running } = await startRelay(t, { later: setImmediate })
    const [gotUp, gotDown] = [collect(target), collect(client)]
    for (const one of up) await write(client, one)
    client.end()
    const arrived = await gotUp
    // Only now: the other direction outlives the first.
    for (const one of down) await write(target, one)
    target.end()
    const back = await gotDown
    const { reason, fromA, fromB } = await running.done
    const same = arrived.equals(Buffer.concat(up)) && back.equals(Buffer.concat(down))
    return same && reason === 'done' && fromA === arrived.length && fromB === back.length
  })
  await t.notThrowsAsync(fc.assert(carries, { numRuns: RUNS }))
})

const noSsh: CheckOpening = (opening) =>
  Buffer.from(opening).toString('latin1').startsWith('SSH-') ? 'protocol_mismatch' : undefined

test('relay: an opening is seen through any split, and nothing after it passes', async (t) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 6 })
  const cuts = fc.asyncProperty(sizes, async (splits) => {
    const { client, target, running } = await startRelay(t, { openingOfA: noSsh })
    let heard = 0
    target.on('data', (chunk) => {
      heard += chunk.length
    })
    let rest = Buffer.from('SSH-2.0-secret\r\n')
    for (const size of splits) {
      if (!client.destroyed) await write(client, rest.subarray(0, size))
      rest = rest.subarray(size)
    }
    if (!client.destroyed) client.write(rest)
    const { reason } = await running.done
    return reason === 'protocol_mismatch' && heard < 4
  })
  await t.notThrowsAsync(fc.assert(cuts, { numRuns: RUNS }))
})

test('relay: a cut ends both sides, even with data that nobody reads', async (t) => {
  const { client, target, running } = await startRelay(t)
  target.pause()
  while (client.write(Buffer.alloc(1 << 20)));
  await once(target, 'readable')
  const gone = new Promise((resolve) => target.once('close', resolve))
  target.resume()
  running.cut('device_revoked')
  t.is((await running.done).reason, 'device_revoked')
  await gone
  running.cut('again')
})

test('relay: a side that was gone before the start takes the other with it', async (t) => {
  const [, a] = await socketPair(t)
  const [b] = await socketPair(t)
  a.destroy()
  const running = relay(
    { stream: a, reset: () => a.destroy() },
    { stream: b, reset: () => b.destroy() },
  )
  t.is((await running.done).reason, 'reset_by_a')
})
