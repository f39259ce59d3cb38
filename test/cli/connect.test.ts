import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net, { type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { err, ok } from '#lib/result'
import { EXIT } from '../../cli/cli-io.ts'
import { startProxyServer } from '../../daemon/listen/proxy-server.ts'
import { deferred } from '../support/deferred.ts'
import { runProgram } from '../support/run-program.ts'
import { memoryLog } from '../support/tunnel.ts'

/** A daemon's proxy port, a control socket that tells it, and one target. */
async function scene(
  t: ExecutionContext,
  onTarget: (socket: Socket) => void,
  onWatch?: (watch: Socket) => void,
) {
  const target = net.createServer({ allowHalfOpen: true }, onTarget)
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
  const { port } = target.address() as AddressInfo
  const proxy = await startProxyServer({
    port: 0,
    openFlow: async ({ host }) =>
      host === 'denied.corp'
        ? err({ status: 403, reason: 'no_application' })
        : ok(net.connect({ host: '127.0.0.1', port, allowHalfOpen: true })),
    pac: () => '',
    lookupOwner: async () => 0,
    mayUse: () => true,
    log: memoryLog(),
  })
  t.teardown(async () => {
    target.close()
    await proxy.close()
  })
  return connectVia(t, proxy.port, onWatch)
}

/** argv of `zt connect`, with a control socket that names a proxy port. */
async function connectVia(
  t: ExecutionContext,
  proxyPort: number,
  onWatch: (watch: Socket) => void = () => undefined,
) {
  const folder = await mkdtemp(join(tmpdir(), 'zt-connect-'))
  const status = { state: 'connected', proxy: { host: '127.0.0.1', port: proxyPort } }
  const control = net.createServer((socket) => {
    const value = { method: 'status', status }
    socket.once('data', (asked) => {
      if (String(asked).includes('watch')) onWatch(socket.resume())
      else socket.end(`${JSON.stringify({ type: 'result', value })}\n`)
    })
  })
  const path = join(folder, 'control.sock')
  await new Promise<void>((resolve) => control.listen(path, resolve))
  t.teardown(async () => {
    control.close()
    await rm(folder, { recursive: true })
  })
  return (host: string) => [
    process.execPath,
    'dist/cli/main.js',
    '--control',
    path,
    'connect',
    host,
    '22',
  ]
}

test('D1: connect carries every octet, and tells the destination where input ends', async (t) => {
  const argv = await scene(t, (socket) => {
    const hash = createHash('sha256')
    socket.on('data', (chunk) => hash.update(chunk))
    socket.on('end', () => socket.end(hash.digest('hex')))
  })
  const input = randomBytes(3_000_000)
  const done = await runProgram(argv('db1.corp'), input)
  t.is(done.stdout, createHash('sha256').update(input).digest('hex'), done.stderr)
  t.is(done.code, EXIT.ok)
})

test('D1: connect ends when the destination has closed, though input stays open', async (t) => {
  const argv = await scene(t, (socket) => socket.end('bye'))
  const [program = '', ...args] = argv('db1.corp')
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill())
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += String(chunk)
  })
  const [code] = await once(child, 'close')
  t.is(text, 'bye')
  t.is(code, EXIT.ok)
})

test('D9: connect watches for prompts only until its connection stands', async (t) => {
  const unwatched = deferred<void>()
  const argv = await scene(
    t,
    (socket) => void unwatched.promise.then(() => socket.end('bye')),
    (watch) => watch.on('close', unwatched.resolve),
  )
  const done = await runProgram(argv('db1.corp'))
  t.is(done.stdout, 'bye', done.stderr)
  t.is(done.code, EXIT.ok)
})

test('D1: connect to what is denied ends with 4 and names zt explain', async (t) => {
  const argv = await scene(t, (socket) => socket.destroy())
  const done = await runProgram(argv('denied.corp'))
  t.is(done.code, EXIT.denied)
  t.regex(done.stderr, /zt explain denied\.corp 22/)
  t.is(done.stdout, '')
})

test('D1: connect to a large answer writes all of it before it ends', async (t) => {
  const answer = randomBytes(3_000_000).toString('hex')
  const argv = await scene(t, (socket) => socket.end(answer))
  const done = await runProgram(argv('db1.corp'))
  t.true(done.stdout === answer, `${done.stdout.length} of ${answer.length}`)
  t.is(done.code, EXIT.ok)
})

test('D1: connect keeps the order of octets that come together with the reply', async (t) => {
  const answer = randomBytes(1_000_000).toString('hex')
  const granted = Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const proxy = net.createServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.from([5, 0]))
      socket.once('data', () => socket.end(Buffer.concat([granted, Buffer.from(answer)])))
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  const argv = await connectVia(t, (proxy.address() as AddressInfo).port)
  const done = await runProgram(argv('db1.corp'))
  t.true(done.stdout === answer, `${done.stdout.length} of ${answer.length}, or in another order`)
})
