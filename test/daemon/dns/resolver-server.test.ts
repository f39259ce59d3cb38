import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { frameMessage, MessageFramer } from '#lib/dns/message-framer'
import { createAskGateway } from '../../../daemon/dns/gateway-dns-client.ts'
import type { ResolverDeps } from '../../../daemon/dns/resolver.ts'
import {
  type ResolverServerOptions,
  startResolverServer,
} from '../../../daemon/dns/resolver-server.ts'
import { createAskUpstream, withoutOwn } from '../../../daemon/dns/upstream-dns-client.ts'
import { address, answerFrom, GATEWAY, queryFor, resolverRig } from '../../support/dns.ts'
import { runProgram } from '../../support/run-program.ts'

async function start(
  t: ExecutionContext,
  deps: Partial<ResolverDeps> = {},
  options: Partial<ResolverServerOptions> = {},
) {
  const rig = resolverRig(deps)
  const addresses = [address('127.0.0.1'), address('::1')]
  const server = await startResolverServer({ addresses, port: 0, answer: rig.answer, ...options })
  t.teardown(() => server.close())
  return { rig, ...server }
}

/** Sockets that this process has open. */
function socketsOpen(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')
    } catch {
      return false // the folder itself, which is closed by now
    }
  }).length
}

test.serial('D3: a port that is taken leaves no socket behind', async (t) => {
  const other = createSocket('udp4')
  await new Promise<void>((resolve) => other.bind(0, '127.0.0.1', resolve))
  t.teardown(() => other.close())
  const { port } = other.address()
  const before = socketsOpen()
  for (let attempt = 0; attempt < 3; attempt++) {
    const options = { addresses: [address('127.0.0.1')], port, answer: async () => undefined }
    await t.throwsAsync(startResolverServer(options), { code: 'EADDRINUSE' })
  }
  t.is(socketsOpen(), before)
})

/** dnsmasq with records of its own; it forwards nothing. */
async function startDnsmasq(t: ExecutionContext, ...records: readonly string[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'zt-dnsmasq-'))
  const port = await freePort()
  const own = [
    '--no-daemon',
    '--conf-file=/dev/null',
    '--no-resolv',
    '--no-hosts',
    '--log-facility=-',
  ]
  const listen = [
    `--port=${port}`,
    '--listen-address=127.0.0.1',
    '--bind-interfaces',
    '--user=root',
  ]
  const child = spawn('dnsmasq', [...own, ...listen, ...records], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.teardown(async () => {
    child.kill()
    await once(child, 'close')
    rmSync(folder, { recursive: true })
  })
  let said = ''
  for await (const chunk of child.stderr) {
    said += String(chunk)
    if (said.includes('started')) break
  }
  return port
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  await new Promise<void>((resolve) => socket.close(() => resolve()))
  return port
}

async function dig(port: number, ...words: readonly string[]): Promise<string> {
  const { stdout } = await runProgram(['dig', '-p', String(port), '+tries=1', '+time=30', ...words])
  return stdout
}

for (const [title, words] of Object.entries({
  'UDP and IPv4': ['@127.0.0.1'],
  'UDP and IPv6': ['@::1'],
  'TCP and IPv4': ['@127.0.0.1', '+tcp'],
  'TCP and IPv6': ['@::1', '+tcp'],
  'no EDNS': ['@127.0.0.1', '+noedns'],
  'a cookie and DO': ['@127.0.0.1', '+cookie', '+dnssec'],
})) {
  test(`D3 T104: dig asks by ${title}`, async (t) => {
    const { port } = await start(t)
    const said = await dig(port, ...words, 'WiKi.corp.internal')
    t.regex(said, /WiKi\.corp\.internal\.\s+30\s+IN\s+A\s+100\.80\./)
    t.regex(said, /status: NOERROR/)
    t.notRegex(said, /WARNING|Warning/)
    t.is(said.includes('EDNS: version: 0'), !words.includes('+noedns'))
  })
}

test('D3: dig reads why a question failed', async (t) => {
  const { port } = await start(t, {
    askGateway: createAskGateway(async () => ({ ok: false, error: { reason: 'not_connected' } })),
  })
  const said = await dig(port, '@127.0.0.1', 'wiki.corp.internal')
  t.regex(said, /status: SERVFAIL/)
  t.regex(said, /EDE: 22 .*gateway: not_connected/)
})

test('D3 G12: dig reads why the gateway asked nobody', async (t) => {
  const error = { code: 0, text: 'too_many_lookups' }
  const busy = { 'wiki.corp.internal 1': { rcode: 2, error } }
  const { port } = await start(t, {
    askGateway: async (query) => ({ kind: 'answer', message: answerFrom(busy, query) }),
  })
  const said = await dig(port, '@127.0.0.1', 'wiki.corp.internal')
  t.regex(said, /status: SERVFAIL[\s\S]*EDE: 22 .*gateway: too_many_lookups/)
})

test('D3: dig gets NXDOMAIN with an SOA, and BADVERS', async (t) => {
  const { port } = await start(t)
  const said = await dig(port, '@127.0.0.1', 'none.corp.internal')
  t.regex(said, /status: NXDOMAIN/)
  t.regex(said, /corp\.internal\.\s+5\s+IN\s+SOA\s+localhost\. nobody\.invalid\./)
  t.regex(
    await dig(port, '@127.0.0.1', '+edns=1', '+noednsneg', 'wiki.corp.internal'),
    /status: BADVERS/,
  )
})

test('D3: names that are not ours come from dnsmasq as they are', async (t) => {
  const dnsmasq = await startDnsmasq(
    t,
    ...['--address=/example.com/93.184.216.34', '--address=/evil.example/10.1.2.3'],
    ...[
      '--srv-host=_sip._udp.example.com,sip.example.com,5060',
      '--cname=www.example.com,example.com',
    ],
    `--txt-record=long.example,${Array(12).fill('x'.repeat(200)).join(',')}`,
  )
  const servers = [{ host: '127.0.0.1', port: dnsmasq }]
  const { port, rig } = await start(t, { askUpstream: createAskUpstream(() => servers) })
  for (const words of [
    ['example.com'],
    ['_sip._udp.example.com', 'SRV'],
    ['+tcp', 'long.example', 'TXT'],
  ]) {
    const [ours, theirs] = await Promise.all(
      [port, dnsmasq].map((to) => dig(to, '@127.0.0.1', '+short', ...words)),
    )
    t.truthy(theirs)
    t.is(ours, theirs, words.join(' '))
  }
  t.regex(
    await dig(port, '@127.0.0.1', '+ignore', '+bufsize=512', 'long.example', 'TXT'),
    /flags: [^;]*\btc\b/,
  )
  t.regex(
    await dig(port, '@127.0.0.1', '+bufsize=512', 'long.example', 'TXT'),
    /x{200}/,
    'by TCP in the end',
  )
  t.regex(await dig(port, '@127.0.0.1', 'evil.example'), /ANSWER: 0,[\s\S]*EDE: 15/)
  t.is(rig.counters.refused.rebinding, 1)
})

test('D3: a server that is away is passed over, spoofed answers are not heard', async (t) => {
  const liar = createSocket('udp4').bind(0, '127.0.0.1')
  await once(liar, 'listening')
  t.teardown(() => liar.close())
  liar.on('message', (query, { port }) => {
    const answer = answerFrom({}, query)
    const wrongId = Buffer.from(answer)
    wrongId.writeUInt16BE(answer.readUInt16BE(0) ^ 1)
    const wrongName = Buffer.from(answer)
    wrongName[13] = 0x7a
    for (const one of [wrongId, wrongName, Buffer.from('junk'), query, answer]) liar.send(one, port)
  })
  const away = { host: '127.0.0.1', port: await freePort() }
  const ask = createAskUpstream(
    () => [away, { host: '127.0.0.1', port: liar.address().port }],
    1_000,
  )
  let stray = 0
  const answer = await ask(queryFor('example.com'), 'udp', () => stray++)
  t.is(stray, 4)
  t.true(
    answer.ok && Buffer.from(answer.value).includes('example') && (answer.value[3] ?? 0) % 16 === 3,
  )
  const none = createAskUpstream(() => [away], 200)
  for (const via of ['udp', 'tcp'] as const)
    t.deepEqual(await none(queryFor('example.com'), via, t.fail), {
      ok: false,
      error: { reason: 'upstream_failed' },
    })
})

test('D3 T103: a resolver is no upstream of its own', (t) => {
  const [own, other] = [
    { host: '127.0.0.1', port: 53 },
    { host: '192.0.2.1', port: 53 },
  ]
  t.deepEqual(withoutOwn([own, other], [own]), [other])
})

test('D3: a wildcard is no address to listen on', async (t) => {
  for (const text of ['0.0.0.0', '::'])
    await t.throwsAsync(
      startResolverServer({ addresses: [address(text)], port: 0, answer: async () => undefined }),
      { instanceOf: RangeError },
    )
})

test('D3: silent, garbage and never-reading connections end; a few at once are served', async (t) => {
  const { port } = await start(t, {}, { idleMs: 2000, connectionLimit: 3 })
  const silent = connect(port, '127.0.0.1')
  const garbage = connect(port, '127.0.0.1')
  garbage.end(Buffer.alloc(3, 255))
  const deaf = connect(port, '127.0.0.1')
  deaf.on('error', () => undefined).pause()
  const flood = Buffer.concat(
    Array<Buffer>(2_000).fill(frameMessage(queryFor('wiki.corp.internal'))),
  )
  deaf.write(flood)
  deaf.write(flood)
  garbage.resume()
  silent.resume()
  await Promise.all([once(silent, 'close'), once(garbage, 'close')])
  t.regex(await dig(port, '@127.0.0.1', '+tcp', 'wiki.corp.internal'), /100\.80\./)
  deaf.destroy()
})

test('D3: a client that ends its side after asking is answered, then let go', async (t) => {
  const { port } = await start(t)
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  client.end(frameMessage(queryFor('wiki.corp.internal')))
  const chunks: Buffer[] = []
  for await (const chunk of client) chunks.push(chunk)
  const [answer, ...more] = new MessageFramer(4096).push(Buffer.concat(chunks)) ?? []
  t.true(answer?.includes(queryFor('wiki.corp.internal').subarray(12, 30)))
  t.deepEqual(more, [])
})

test('D3: any split of a TCP stream is the same messages', (t) => {
  const property = fc.property(
    fc.array(fc.uint8Array({ maxLength: 40 })),
    fc.array(fc.integer({ min: 1, max: 50 })),
    (messages, cuts) => {
      const stream = Buffer.concat(messages.map(frameMessage))
      const framer = new MessageFramer(40)
      const found: Buffer[] = []
      let at = 0
      for (const cut of [...cuts, stream.length]) {
        found.push(...(framer.push(stream.subarray(at, at + cut)) ?? []))
        at += cut
      }
      return Buffer.concat(found.map(frameMessage)).equals(stream)
    },
  )
  t.notThrows(() => fc.assert(property))
  t.is(new MessageFramer(40).push(Buffer.of(0, 41)), undefined)
})

test('D3: what the gateway answers to a post is read strictly', async (t) => {
  const query = queryFor('wiki.corp.internal')
  const answer = answerFrom(GATEWAY, query).toString('base64url')
  const replies: [number, string, string][] = [
    [200, JSON.stringify({ answer }), 'answer'],
    [200, JSON.stringify({ refused: 'dns_blocked' }), 'refused'],
    [200, JSON.stringify({ answer, more: 1 }), 'unreachable'],
    [200, 'no json', 'unreachable'],
    [403, '', 'unreachable'],
    [404, '', 'absent'],
  ]
  for (const [status, body, kind] of replies) {
    const ask = createAskGateway(async (path, sent) => {
      t.is(path, '/dns')
      t.is(sent, JSON.stringify({ query: query.toString('base64url') }))
      return { ok: true, value: { status, body } }
    })
    t.is((await ask(query)).kind as string, kind, body)
  }
  const never = createAskGateway(() => new Promise(() => undefined), 50)
  const keepAlive = setTimeout(() => undefined, 5_000)
  t.deepEqual(await never(query), { kind: 'unreachable', reason: 'timeout' })
  clearTimeout(keepAlive)
})
