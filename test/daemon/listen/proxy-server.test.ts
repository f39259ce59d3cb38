import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { err, ok } from '#lib/result'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import { createOwnerLookup, procLookup } from '../../../daemon/listen/connection-owner-os.ts'
import type { OpenFlow } from '../../../daemon/listen/open-flow.ts'
import { type ProxyServerOptions, startProxyServer } from '../../../daemon/listen/proxy-server.ts'
import { asNobody, runProgram } from '../../support/run-program.ts'
import { memoryLog } from '../../support/tunnel.ts'

const ROOT = 0

/** A web server that says what it was asked, and a proxy whose every allowed flow leads to it. */
async function startWorld(t: ExecutionContext, options: Partial<ProxyServerOptions> = {}) {
  const web = http.createServer((request, response) => {
    const hash = createHash('sha256')
    request.on('data', (chunk: Buffer) => hash.update(chunk))
    request.on('end', () => {
      const { method, url, headers } = request
      response.setHeader('x-hop', 'secret')
      response.setHeader('connection', 'x-hop')
      response.end(JSON.stringify({ method, url, headers, sha256: hash.digest('hex') }))
    })
  })
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  const webPort = (web.address() as AddressInfo).port
  const asked: FlowTarget[] = []
  const openFlow: OpenFlow = async (target) => {
    asked.push(target)
    if (target.host === 'denied.corp') return err({ status: 403, reason: 'no_application' })
    if (target.host === 'login.corp') return err({ status: 407, reason: 'session_expired' })
    return ok(net.connect({ port: webPort, host: '127.0.0.1', allowHalfOpen: true }))
  }
  const log = memoryLog()
  const proxy = await startProxyServer({
    port: 0,
    openFlow,
    pac: () => 'function FindProxyForURL() {}',
    lookupOwner: createOwnerLookup().lookup,
    mayUse: (uid) => uid === ROOT,
    log,
    ...options,
  })
  t.teardown(async () => {
    await proxy.close()
    web.closeAllConnections()
    web.close()
  })
  const curl = (...args: string[]) => runProgram(['curl', '-sS', '-m', '45', ...args])
  return { proxy, asked, lines: log.lines, curl, webPort, address: `127.0.0.1:${proxy.port}` }
}

const clients: Record<string, [(address: string) => string[], string]> = {
  'SOCKS5 by name': [(proxy) => ['--socks5-hostname', proxy, 'http://wiki.corp/a'], 'wiki.corp'],
  'SOCKS5 by address': [(proxy) => ['--socks5', proxy, 'http://10.1.2.3/a'], '10.1.2.3'],
  'SOCKS5 by IPv6': [(proxy) => ['--socks5', proxy, 'http://[fd00::1]/a'], 'fd00::1'],
  SOCKS4a: [(proxy) => ['--socks4a', proxy, 'http://wiki.corp/a'], 'wiki.corp'],
  SOCKS4: [(proxy) => ['--socks4', proxy, 'http://10.1.2.3/a'], '10.1.2.3'],
  'HTTP CONNECT': [
    (proxy) => ['--proxy', `http://${proxy}`, '-p', 'http://wiki.corp/a'],
    'wiki.corp',
  ],
  'plain HTTP': [(proxy) => ['--proxy', `http://${proxy}`, 'http://wiki.corp/a'], 'wiki.corp'],
}
for (const [title, [args, host]] of Object.entries(clients)) {
  test(`D1: curl reaches a target by ${title}`, async (t) => {
    const { curl, asked, address } = await startWorld(t)
    const { code, stdout } = await curl(...args(address))
    t.is(code, 0)
    t.is(JSON.parse(stdout).url, '/a')
    t.deepEqual(asked, [{ host, port: 80 }])
  })
}

for (const [title, args] of Object.entries({ SOCKS5: ['-X', '5'], CONNECT: ['-X', 'connect'] })) {
  test(`D1: nc reaches a target by ${title}, half-close included`, async (t) => {
    const { address } = await startWorld(t)
    const request = 'GET /nc HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'
    const argv = ['nc', '-N', ...args, '-x', address, 'wiki.corp', '80']
    const { code, stdout } = await runProgram(argv, request)
    t.is(code, 0)
    t.regex(stdout, /"url":"\/nc"/)
  })
}

test('D1: a refusal is a SOCKS reply, and a page with reason and remedy over HTTP', async (t) => {
  const { curl, address } = await startWorld(t)
  const socks = await curl('--socks5-hostname', address, 'http://denied.corp/')
  t.is(socks.code, 97)
  t.regex(socks.stderr, /\(2\)/)
  const socks4 = await curl('--socks4a', address, 'http://denied.corp/')
  t.is(socks4.code, 97)
  const connect = await curl('-p', '--proxy', `http://${address}`, 'http://denied.corp/')
  t.is(connect.code, 56)
  t.regex(connect.stderr, /403/)
  const plain = await curl('-i', '--proxy', `http://${address}`, 'http://denied.corp/')
  t.regex(plain.stdout, /^HTTP\/1.1 403/)
  t.regex(plain.stdout, /Proxy-Status: zt-daemon; reason=no_application/i)
  t.regex(plain.stdout, /zt explain denied\.corp 80/)
})

test('D9: programs are never asked for a proxy password', async (t) => {
  const { curl, address } = await startWorld(t)
  const { stdout } = await curl('-i', '--proxy', `http://${address}`, 'http://login.corp/')
  t.regex(stdout, /^HTTP\/1.1 403/)
  t.regex(stdout, /session_expired/)
})

test('D1: plain HTTP strips headers of the hop, keeps the client connection, names the right host', async (t) => {
  const { curl, address, asked } = await startWorld(t)
  const url = 'http://wiki.corp:81/a'
  const headers = [
    '-H',
    'Host: other',
    '-H',
    'Connection: X-Mine',
    '-H',
    'X-Mine: 1',
    '-H',
    'X-Y: 2',
  ]
  const { stdout, stderr } = await curl('-v', '--proxy', `http://${address}`, ...headers, url, url)
  const [first] = stdout.split('}{').map((part, at) => (at === 0 ? `${part}}` : part))
  const seen = JSON.parse(first?.endsWith('}}}') ? first.slice(0, -1) : (first ?? ''))
  t.is(seen.headers.host, 'wiki.corp:81')
  t.is(seen.headers['x-y'], '2')
  t.is(seen.headers['x-mine'], undefined)
  t.is(seen.headers['proxy-connection'], undefined)
  t.notRegex(stderr, /x-hop/i)
  t.regex(stderr, /Re-using existing connection/)
  t.is(asked.length, 2)
})

test('D1: an upload of 5 MiB arrives whole by plain HTTP, CONNECT and SOCKS5', async (t) => {
  const { address } = await startWorld(t)
  const body = randomBytes(5 * 1024 * 1024)
  const wanted = createHash('sha256').update(body).digest('hex')
  const ways = [
    ['--proxy', `http://${address}`],
    ['-p', '--proxy', `http://${address}`],
    ['--socks5-hostname', address],
  ]
  for (const way of ways) {
    const argv = ['curl', '-sS', ...way, '--data-binary', '@-', 'http://wiki.corp/']
    const { stdout } = await runProgram(argv, body)
    t.is(JSON.parse(stdout).sha256, wanted)
  }
})

test('D1 T100: origin form gives the PAC file under our own name only, and nothing else', async (t) => {
  const { curl, address, asked } = await startWorld(t)
  const pac = await curl('-i', `http://${address}/proxy.pac`)
  t.regex(pac.stdout, /application\/x-ns-proxy-autoconfig/)
  t.regex(pac.stdout, /FindProxyForURL/)
  const rebound = await curl('-i', '-H', 'Host: evil.example', `http://${address}/proxy.pac`)
  t.regex(rebound.stdout, /^HTTP\/1.1 421/)
  t.notRegex(rebound.stdout, /FindProxyForURL/)
  t.regex((await curl('-i', `http://${address}/`)).stdout, /^HTTP\/1.1 404/)
  t.regex((await curl('-i', '-d', 'x', `http://${address}/proxy.pac`)).stdout, /^HTTP\/1.1 404/)
  t.is(asked.length, 0)
})

for (const [title, lookup] of [
  ['sock_diag', createOwnerLookup()],
  ['/proc', { source: 'proc', lookup: procLookup() }],
] as const) {
  test(`D15: another user gets nothing out of the proxy port, by ${title}`, async (t) => {
    const { proxy, address, asked, curl } = await startWorld(t, { lookupOwner: lookup.lookup })
    for (const way of [
      ['--socks5-hostname', address],
      ['--proxy', `http://${address}`],
    ]) {
      const refused = await runProgram(
        asNobody(['curl', '-sS', '-m', '45', ...way, 'http://wiki.corp/']),
      )
      t.not(refused.code, 0)
      t.is(refused.stdout, '')
    }
    const pac = await runProgram(
      asNobody(['curl', '-sS', '-m', '45', `http://${address}/proxy.pac`]),
    )
    t.is(pac.stdout, '')
    t.is(proxy.refusedOtherUsers, 3)
    t.is(asked.length, 0)
    t.is((await curl('--socks5-hostname', address, 'http://wiki.corp/')).code, 0)
  })
}

test('D15: an owner that cannot be known is refused', async (t) => {
  const { curl, address, proxy } = await startWorld(t, { lookupOwner: async () => undefined })
  t.not((await curl('--socks5-hostname', address, 'http://wiki.corp/')).code, 0)
  t.is(proxy.refusedOtherUsers, 1)
})

/** Sends octets, and collects what comes back until the server closes. */
function converse(port: number, octets: Uint8Array | string): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(octets))
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(chunks)))
  })
}

/** What is sent, and how the answer begins; an empty one stands for no answer at all. */
const malformed: Record<string, [Uint8Array | string, string]> = {
  'a TLS hello': [Uint8Array.of(0x16, 3, 1, 0, 5), ''],
  'a lower-case method': ['get / HTTP/1.1\r\n\r\n', ''],
  'a method that is none': ['FOO@ / HTTP/1.1\r\n\r\n', 'HTTP/1.1 400'],
  'a head without end': [`GET http://a/ HTTP/1.1\r\nx: ${'a'.repeat(20_000)}`, 'HTTP/1.1 431'],
  'CONNECT without port': ['CONNECT wiki.corp HTTP/1.1\r\nhost: a\r\n\r\n', 'HTTP/1.1 400'],
  'CONNECT to a name with a line break': [
    'CONNECT a%0ab:1 HTTP/1.1\r\nhost: a\r\n\r\n',
    'HTTP/1.1 400',
  ],
  'https in absolute form': ['GET https://a/ HTTP/1.1\r\nhost: a\r\n\r\n', 'HTTP/1.1 400'],
  'two lengths (smuggling)': [
    'POST http://a/ HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 400',
  ],
  'SOCKS5 with a password only': [Uint8Array.of(5, 1, 2), '\x05\xff'],
  'SOCKS5 BIND': [Uint8Array.of(5, 1, 0, 5, 2, 0, 1, 1, 2, 3, 4, 0, 80), '\x05\x00\x05\x07'],
  'SOCKS5 UDP ASSOCIATE': [
    Uint8Array.of(5, 1, 0, 5, 3, 0, 1, 1, 2, 3, 4, 0, 80),
    '\x05\x00\x05\x07',
  ],
  'SOCKS4 with an endless user id': [
    Uint8Array.of(4, 1, 0, 80, 1, 2, 3, 4, ...Buffer.alloc(400, 'a')),
    '\x00\x5b',
  ],
}
for (const [title, [octets, wanted]] of Object.entries(malformed)) {
  test(`T121 bad input: ${title} gets a clear refusal and a log line`, async (t) => {
    const { proxy, asked, lines } = await startWorld(t, { requestTimeoutMs: 60_000 })
    const answer = await converse(proxy.port, octets)
    t.is(answer.toString('latin1').slice(0, wanted.length || undefined), wanted)
    t.is(asked.length, 0)
    t.is(lines.length, 1)
  })
}

const slow: Record<string, [Uint8Array | string, RegExp]> = {
  nothing: ['', /^$/],
  'half a SOCKS5 greeting': [Uint8Array.of(5, 3, 1), /^$/],
  'half a SOCKS4 request': [Uint8Array.of(4, 1, 0), /^$/],
  'half an HTTP head': ['GET http://a/ HTTP/1.1\r\n', /^HTTP\/1.1 408/],
}
for (const [title, [octets, wanted]] of Object.entries(slow)) {
  test(`T122: ${title} is cut at the deadline, and others are served meanwhile`, async (t) => {
    const { proxy, curl, address } = await startWorld(t, { requestTimeoutMs: 3000 })
    const stuck = converse(proxy.port, octets)
    t.is((await curl('--socks5-hostname', address, 'http://wiki.corp/')).code, 0)
    t.regex((await stuck).toString('latin1'), wanted)
  })
}
