import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { denial, type Enforced, permitAll, startEnforced } from '../../support/decisions.ts'
import type { EnrolledDevice } from '../../support/tunnel.ts'

const run = promisify(execFile)

/** A web page on loopback; counts its visitors. */
async function startPage(t: ExecutionContext) {
  let visits = 0
  const server = createServer((_request, response) => {
    visits += 1
    response.end('private page')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { port, visits: () => visits }
}

type Curl = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Runs curl through the tunnel listener as an HTTPS proxy; without a device, without a certificate. */
async function curl(
  t: ExecutionContext,
  { tunnel }: Enforced,
  device: EnrolledDevice | undefined,
  url: string,
): Promise<Curl> {
  const dir = mkdtempSync(join(tmpdir(), 'zt-curl-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text, { mode: 0o600 })
    return join(dir, name)
  }
  const identity =
    device === undefined
      ? []
      : [
          ...['--proxy-cert', file('cert.pem', device.credentials.certificate)],
          ...['--proxy-key', file('key.pem', device.credentials.key)],
        ]
  const proxy = `https://127.0.0.1:${tunnel.server.address.port}`
  const ca = file('ca.pem', tunnel.gatewayCa.pem)
  const args = ['-sv', '-p', '--max-time', '20', '--proxy', proxy, '--proxy-cacert', ca]
  return run('curl', [...args, ...identity, url]).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Curl) => error,
  )
}

test('T90: curl reaches a permitted page over HTTP/1.1 CONNECT with a device certificate', async (t) => {
  const page = await startPage(t)
  const enforced = await startEnforced(t)
  const device = await enforced.tunnel.enrol()
  const got = await curl(t, enforced, device, `http://wiki:${page.port}/`)
  t.is(got.stdout, 'private page', got.stderr)
  t.like(await enforced.closedRecord(), {
    verdict: 'permit',
    closeReason: 'done',
    facts: { destination: { host: 'wiki' }, protocol: 'http' },
  })
})

test('T90: curl without a certificate, with a revoked and with an expired one gets nothing', async (t) => {
  const page = await startPage(t)
  const enforced = await startEnforced(t)
  const { tunnel } = enforced
  const url = `http://wiki:${page.port}/`
  t.regex((await curl(t, enforced, undefined, url)).stderr, /certificate required/i)
  const revoked = await tunnel.enrol()
  const row = tunnel.devices.get(revoked.id)
  if (row) tunnel.devices.set(revoked.id, { ...row, revokedAtMs: 1 })
  const refused = await curl(t, enforced, revoked, url)
  t.regex(refused.stderr, /403/)
  t.regex(refused.stderr, /proxy-status: zt-gateway; .*reason=device_revoked/)
  const expired = await tunnel.enrol({ notAfterMs: Date.now() - 1000 })
  t.not((await curl(t, enforced, expired, url)).code, 0)
  t.is(page.visits(), 0)
})

test('curl sees status and reason of a refusal, and the page sees nothing', async (t) => {
  const page = await startPage(t)
  const decider = { ...permitAll, decide: () => denial('no_application') }
  const enforced = await startEnforced(t, { decider })
  const device = await enforced.tunnel.enrol()
  const got = await curl(t, enforced, device, `http://wiki:${page.port}/`)
  t.not(got.code, 0)
  t.regex(got.stderr, /HTTP\/1\.1 403/)
  t.regex(got.stderr, /reason=no_application/)
  t.is(page.visits(), 0)
})

/** Sends raw text over an admitted TLS connection. @returns what came back. */
async function speak({ tunnel }: Enforced, device: EnrolledDevice, text: string): Promise<string> {
  const { certificate, key } = device.credentials
  const socket = connectTls({
    socket: connect({ host: '127.0.0.1', port: tunnel.server.address.port }),
    ...{ ca: tunnel.gatewayCa.pem, cert: certificate, key, host: '127.0.0.1' },
    ALPNProtocols: ['http/1.1'],
  })
  socket.on('error', () => undefined)
  socket.write(text)
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  await new Promise((resolve) => socket.once('close', resolve))
  return answer
}

const malformed: Record<string, readonly [string, RegExp]> = {
  'what is no HTTP': ['\x00\x01\x02\r\n\r\n', /^$/],
  'headers over the limit (T123)': [
    `CONNECT wiki:80 HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
    /^$/,
  ],
  'a target without a port': [
    'CONNECT wiki HTTP/1.1\r\nhost: wiki\r\n\r\n',
    /403.*bad_destination/s,
  ],
  'a target with a user part': [
    'CONNECT a@wiki:80 HTTP/1.1\r\nhost: wiki\r\n\r\n',
    /403.*bad_destination/s,
  ],
  'a method that is not for a tunnel': ['GET http://wiki/ HTTP/1.1\r\nhost: wiki\r\n\r\n', / 405 /],
  'an unknown path': ['POST /x HTTP/1.1\r\nhost: wiki\r\ncontent-length: 0\r\n\r\n', / 404 /],
}
for (const [title, [text, wanted]] of Object.entries(malformed)) {
  test(`HTTP/1.1 bad input: ${title}`, async (t) => {
    const enforced = await startEnforced(t)
    const device = await enforced.tunnel.enrol()
    t.regex(await speak(enforced, device, text), wanted)
  })
}
