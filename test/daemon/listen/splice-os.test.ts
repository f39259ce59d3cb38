import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { splice } from '../../../daemon/listen/splice-os.ts'

/** Two connected pairs with a splice in the middle: what `program` says, `target` hears. */
async function startSplice(t: ExecutionContext) {
  const server = net.createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const pair = async (): Promise<[Socket, Socket]> => {
    const accepted = once(server, 'connection')
    const near = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const [far] = (await accepted) as [Socket]
    near.on('error', () => {})
    far.on('error', () => {})
    t.teardown(() => {
      near.destroy()
      far.destroy()
    })
    return [near, far]
  }
  const [program, client] = await pair()
  const [flow, target] = await pair()
  t.teardown(() => server.close())
  const ended = new Promise<void>((resolve) => splice(client, flow, resolve))
  return { program, target, client, flow, ended }
}

async function readAll(socket: Socket): Promise<number> {
  let bytes = 0
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) bytes += chunk.length
  return bytes
}

/** How a socket broke. */
function breakOf(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code)).resume()
  })
}

test('D1 splice: each half ends on its own, and nothing is lost', async (t) => {
  const { program, target, ended } = await startSplice(t)
  const size = 8 * 1024 * 1024
  program.end(Buffer.alloc(1000))
  t.is(await readAll(target), 1000)
  target.end(Buffer.alloc(size))
  t.is(await readAll(program), size)
  await ended
})

test('D1 splice: a target that closes at once still delivers what it said', async (t) => {
  const { program, target } = await startSplice(t)
  const size = 4 * 1024 * 1024
  const read = readAll(program)
  target.end(Buffer.alloc(size))
  target.resume()
  t.is(await read, size)
})

test('D1 splice: a reset on either side reaches the other', async (t) => {
  const first = await startSplice(t)
  const atTarget = breakOf(first.target)
  first.program.resetAndDestroy()
  t.is(await atTarget, 'ECONNRESET')
  await first.ended
  const second = await startSplice(t)
  const atProgram = breakOf(second.program)
  second.target.resetAndDestroy()
  t.is(await atProgram, 'ECONNRESET')
  await second.ended
  t.true(first.flow.destroyed && second.client.destroyed)
})

test('D1 splice: a reader that stops holds the writer back', async (t) => {
  const { program, target } = await startSplice(t)
  target.pause()
  let taken = 0
  const chunk = Buffer.alloc(64 * 1024)
  const limit = 64 * 1024 * 1024
  while (taken < limit && program.write(chunk)) taken += chunk.length
  await new Promise((resolve) => setImmediate(resolve))
  t.true(program.writableLength > 0)
  t.true(taken < limit)
})

test('D1 splice: a client that is gone before the flow came ends the flow', async (t) => {
  const { client, flow, ended } = await startSplice(t)
  client.destroy()
  await ended
  t.true(flow.destroyed)
  const late = await startSplice(t)
  late.client.destroy()
  await late.ended
  splice(late.client, late.flow)
  t.true(late.flow.destroyed)
})
