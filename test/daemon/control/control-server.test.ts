import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { chmod, chown, mkdir } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { ControlRequest, WatchEvent } from '#lib/api/control-api'
import { decodeControlRequest } from '#lib/api/control-codec'
import { err, ok } from '#lib/result'
import {
  type CarryFlow,
  type ControlServerOptions,
  type HandleControl,
  startControlServer,
} from '../../../daemon/control/control-server.ts'
import { deferred } from '../../support/deferred.ts'
import { asNobody, runProgram } from '../../support/run-program.ts'
import { memoryLog } from '../../support/tunnel.ts'

const ROOT = 0
const NOBODY = 65534

function freshFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'zt-control-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function startControl(t: ExecutionContext, options: Partial<ControlServerOptions> = {}) {
  const asked: [ControlRequest, number][] = []
  const left: string[] = []
  const handle: HandleControl = async (request, { uid, onPrompt, onEvent, signal }) => {
    if (request.method === 'watch') {
      onEvent({ kind: 'notice', reason: 'policy_changed', sentence: 'Again.' })
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      left.push(request.method)
      return ok({ method: 'watch' })
    }
    asked.push([request, uid])
    if (request.method === 'apps') return ok({ method: 'apps', applications: [] })
    if (request.method === 'login') {
      onPrompt({ verificationUrl: 'https://x/', userCode: 'A', keyWords: 'a b', expiresAt: '' })
    }
    return err({ code: 'not_enrolled', message: 'Run "zt enroll".' })
  }
  const log = memoryLog()
  const path = join(freshFolder(t), 'control.sock')
  const place = { path, ownerUid: ROOT, daemonUid: ROOT }
  const carry: CarryFlow = (socket) => void socket.destroy()
  const started = await startControlServer({ ...place, handle, carry, log, ...options })
  if (started.ok) t.teardown(() => started.value.close())
  return { started, asked, left, lines: log.lines, path: options.path ?? path }
}

/** Sends text in one piece; the answer ends after `lines` lines or when the server closes. */
function ask(path: string, text: string, lines = 1): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(path, () => socket.write(text))
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk.toString()
      if (answer.split('\n').length > lines) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}

test('D15: the owner asks and is answered, several times on one connection', async (t) => {
  const { path, asked } = await startControl(t)
  const answer = await ask(path, '{"method":"apps"}\n{"method":"login"}\n', 3)
  const replies = answer
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).type)
  t.deepEqual(replies, ['result', 'progress', 'error'])
  t.deepEqual(asked, [
    [{ method: 'apps' }, ROOT],
    [{ method: 'login' }, ROOT],
  ])
})

test('D15: the socket is made with mode 0600', async (t) => {
  const { path } = await startControl(t)
  t.is(statSync(path).mode & 0o777, 0o600)
})

test('D15 T100: another user gets nothing, even when the file system would let them in', async (t) => {
  const { path, asked, lines } = await startControl(t)
  const nc = ['nc', '-N', '-U', path]
  t.not((await runProgram(asNobody(nc), '{"method":"apps"}\n')).code, 0)
  await chmod(join(path, '..'), 0o755)
  await chmod(path, 0o666)
  const { stdout } = await runProgram(asNobody(nc), '{"method":"apps"}\n')
  t.is(stdout, '')
  t.is(asked.length, 0)
  t.deepEqual(lines, [{ uid: NOBODY, reason: 'other_user', message: 'control refused' }])
})

test('D15: an owner who is not the user of the daemon can ask, and is named to the handler', async (t) => {
  const { path, asked } = await startControl(t, { ownerUid: NOBODY })
  await chmod(join(path, '..'), 0o711)
  const argv = asNobody(['nc', '-N', '-U', path])
  const { stdout } = await runProgram(argv, '{"method":"apps"}\n')
  t.regex(stdout, /"type":"result"/)
  t.deepEqual(asked, [[{ method: 'apps' }, NOBODY]])
})

test('D15: without koffi a 0700 folder of the owner is enough, anything less refuses to start', async (t) => {
  const closed = await startControl(t, { peerLookup: null })
  t.true(closed.started.ok)
  t.regex(await ask(closed.path, '{"method":"apps"}\n'), /"type":"result"/)

  const folder = join(freshFolder(t), 'open')
  await mkdir(folder)
  await chmod(folder, 0o755)
  const open = await startControl(t, { peerLookup: null, path: join(folder, 'control.sock') })
  t.deepEqual(open.started, { ok: false, error: { reason: 'control_peers_unknown' } })
  const other = await startControl(t, { peerLookup: null, ownerUid: NOBODY })
  t.deepEqual(other.started, { ok: false, error: { reason: 'control_peers_unknown' } })
})

test('D15: a folder that others can write to, or own, is refused', async (t) => {
  const writable = join(freshFolder(t), 'writable')
  await mkdir(writable)
  await chmod(writable, 0o777)
  const first = await startControl(t, { path: join(writable, 'control.sock') })
  t.deepEqual(first.started, { ok: false, error: { reason: 'control_folder_open' } })
  await chmod(writable, 0o700)
  await chown(writable, NOBODY, NOBODY)
  const second = await startControl(t, { path: join(writable, 'control.sock') })
  t.deepEqual(second.started, { ok: false, error: { reason: 'control_folder_open' } })
})

test('D15: a second daemon is refused, and what a crash left behind is replaced', async (t) => {
  const { path } = await startControl(t)
  const second = await startControl(t, { path })
  t.deepEqual(second.started, { ok: false, error: { reason: 'already_running' } })
  const stale = join(freshFolder(t), 'control.sock')
  writeFileSync(stale, '')
  t.true((await startControl(t, { path: stale })).started.ok)
})

const malformed: Record<string, [string, string]> = {
  'no JSON': ['hello\n', 'bad_json'],
  'octets that are not UTF-8': ['\u0000\n', 'bad_json'],
  'a list': ['[]\n', 'bad_request'],
  'an unknown method': ['{"method":"shell"}\n', 'bad_request'],
  'an unknown key': ['{"method":"status","x":1}\n', 'bad_request'],
  'a port as text': ['{"method":"explain","host":"a","port":"1"}\n', 'bad_request'],
  'port 0': ['{"method":"explain","host":"a","port":0}\n', 'bad_request'],
  'a port of ping': [
    '{"method":"explain","host":"a","port":1,"transport":"icmp"}\n',
    'bad_request',
  ],
  'a transport that is none': [
    '{"method":"explain","host":"a","port":1,"transport":"sctp"}\n',
    'bad_request',
  ],
  'a line of 65 KiB': [`${'x'.repeat(65 * 1024)}`, 'line_too_long'],
}
for (const [title, [text, code]] of Object.entries(malformed)) {
  test(`D15 bad input: ${title} gets a clear error, then the end`, async (t) => {
    const { path, asked } = await startControl(t)
    const reply = JSON.parse(await ask(path, text, 99))
    t.is(reply.type, 'error')
    t.is(reply.code, code)
    t.is(asked.length, 0)
  })
}

test('D15: the decoder never throws', (t) => {
  const json = fc.json().map((text) => Buffer.from(text))
  const nearly = fc
    .record({ method: fc.constantFrom('status', 'enroll', 'explain'), url: fc.anything() })
    .map((value) => Buffer.from(JSON.stringify(value) ?? ''))
  const decodes = fc.property(fc.oneof(fc.uint8Array(), json, nearly), (line) => {
    decodeControlRequest(line)
  })
  t.notThrows(() => fc.assert(decodes, { numRuns: process.env['ZT_FULL'] ? 5000 : 200 }))
})

test('D15: many who watch keep nobody out', async (t) => {
  const { path } = await startControl(t)
  for (let n = 0; n < 100; n++) {
    const socket = net.connect(path, () => socket.write('{"method":"watch"}\n'))
    t.teardown(() => socket.destroy())
    await once(socket, 'data')
  }
  t.regex(await ask(path, '{"method":"apps"}\n'), /"type":"result"/)
})

test('D15: callers at once are bounded', async (t) => {
  const { path } = await startControl(t, { connectionLimit: 1 })
  const socket = net.connect(path, () => socket.write('{"method":"watch"}\n'))
  await once(socket, 'data')
  t.is(await ask(path, '{"method":"apps"}\n'), '')
  socket.destroy()
})

test('D15: who watches and does not read is cut off, and nothing piles up', async (t) => {
  let tell = (_event: WatchEvent): void => undefined
  const watched = deferred<void>()
  let isLeft = false
  const handle: HandleControl = async (_request, { onEvent, signal }) => {
    tell = onEvent
    signal.addEventListener('abort', () => {
      isLeft = true
    })
    watched.resolve()
    return new Promise(() => undefined)
  }
  const { path } = await startControl(t, { handle })
  const socket = net.connect(path, () => socket.write('{"method":"watch"}\n'))
  t.teardown(() => socket.destroy())
  socket.pause()
  await watched.promise
  const event = { kind: 'notice', reason: 'x', sentence: 'x'.repeat(16 * 1024) } as const
  let told = 0
  for (; !isLeft && told < 1000; told++) {
    tell(event)
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.true(isLeft)
  // 256 KiB wait here, and what the kernel takes.
  t.true(told > 16 && told < 100, String(told))
})

for (const [title, leave] of Object.entries({
  'goes away': (socket: net.Socket) => socket.end(),
  'says something more': (socket: net.Socket) => socket.write('{"method":"apps"}\n'),
})) {
  test(`D9: whoever watches is told what happens, and is forgotten when it ${title}`, async (t) => {
    const { path, left, asked } = await startControl(t)
    const socket = net.connect(path, () => socket.write('{"method":"watch"}\n'))
    const [chunk] = await once(socket, 'data')
    t.is(
      String(chunk),
      '{"type":"event","event":{"kind":"notice","reason":"policy_changed","sentence":"Again."}}\n',
    )
    leave(socket)
    await once(socket, 'close')
    while (left.length === 0) await new Promise((resolve) => setImmediate(resolve))
    t.deepEqual(left, ['watch'])
    t.deepEqual(asked, [])
  })
}
