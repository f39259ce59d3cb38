import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { daemonAt, watchDaemonAt } from '../../cli/daemon-client.ts'

/** A control socket that answers each connection with these lines, and then nothing. */
async function listen(t: ExecutionContext, ...lines: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'zt-cli-'))
  const path = join(folder, 'control.sock')
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    for (const line of lines) socket.write(`${line}\n`)
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return path
}

test('D9: whoever watches stops at once, although the daemon says nothing more', async (t) => {
  const event = { kind: 'notice', reason: 'session_ending', sentence: 'soon' }
  const path = await listen(t, JSON.stringify({ type: 'event', event }))
  const stop = new AbortController()
  const watched = await watchDaemonAt(path)((heard) => {
    t.deepEqual(heard, event as never)
    stop.abort()
  }, stop.signal)
  t.deepEqual(watched, { ok: true, value: undefined })
})

test('D9: whoever watches learns that there is no daemon', async (t) => {
  const gone = await watchDaemonAt('/nonexistent/control.sock')(
    () => {},
    new AbortController().signal,
  )
  t.like(gone, { ok: false, error: { code: 'daemon_not_running', exitCode: 3 } })
})

for (const [code, exitCode] of [
  ['bad_url', 2],
  ['bad_fingerprint', 2],
  ['not_enrolled', 5],
  ['gateway_unreachable', 6],
  ['fingerprint_mismatch', 1],
] as const) {
  test(`D11: what the daemon refuses as ${code} ends with ${exitCode}`, async (t) => {
    const path = await listen(t, JSON.stringify({ type: 'error', code, message: 'no' }))
    t.like(await daemonAt(path)({ method: 'enroll', url: 'x' }), { error: { code, exitCode } })
  })
}

test('D11: an answer ends the conversation, whatever comes after it', async (t) => {
  const error = JSON.stringify({ type: 'error', code: 'not_enrolled', message: 'no' })
  const path = await listen(t, error, error)
  t.like(await daemonAt(path)({ method: 'apps' }), { ok: false, error: { code: 'not_enrolled' } })
})
