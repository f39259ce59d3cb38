/** `ssh -J` through an inspected target: inside is an inspected session of its own, which names the one it is in. */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { SessionEvent } from '#lib/recording/session-event'
import { DEFAULT_SSH_GRANT, type SshGrant } from '../../../gateway/policy/ssh-grant.ts'
import { forwardsTo } from '../../support/relay-rig.ts'
import { SshClient } from '../../support/ssh-client.ts'
import {
  KNOWN_HOSTS_LINE,
  type SshGateway,
  USER_AUTHORITY_LINE,
} from '../../support/ssh-gateway.ts'
import { type SshPair, startSshPair } from '../../support/ssh-pair.ts'
import { type Sshd, startSshd } from '../../support/sshd.ts'

type Hop = {
  readonly pair: SshPair
  /** The target behind, which the client reaches through the first. */
  readonly second: Sshd
  readonly client: SshClient
  /** Options of ssh, scp and sftp that lead through the first target. */
  readonly jump: readonly string[]
}

async function start(t: ExecutionContext, grant: Partial<SshGrant> = {}): Promise<Hop> {
  const second = await startSshd({ userAuthorities: [USER_AUTHORITY_LINE] })
  t.teardown(() => second.stop())
  const limits = {
    unixUsers: [second.user],
    record: 'required',
    hostKeys: [second.hostKey],
    hostAuthorities: [],
    grants: [{ ...DEFAULT_SSH_GRANT, allow: ['exec', 'sftp', 'jump'] }],
  } as const
  const pair = await startSshPair([], {
    behind: { [`127.0.0.1:${second.port}`]: limits },
    limitsToo: { grants: [{ ...DEFAULT_SSH_GRANT, allow: ['exec', 'jump'], ...grant }] },
  })
  t.teardown(() => pair.stop())
  // A client that only trusts the organisation; its name for the second target is its address.
  const client = new SshClient({
    port: second.port,
    user: second.user,
    alias: '127.0.0.1',
    knownHosts: KNOWN_HOSTS_LINE,
  })
  t.teardown(() => client.remove())
  const through = `ProxyCommand=ssh -F ${pair.proxied.config} -W 127.0.0.1:${second.port} target`
  return { pair, second, client, jump: ['-o', through] }
}

/** Every session so far, first the outermost. */
async function recorded(gateway: SshGateway): Promise<readonly (readonly SessionEvent[])[]> {
  await gateway.lastEnd()
  const all = gateway.sessions.map(async (id) =>
    (await gateway.frames(id)).flatMap((frame) => ('event' in frame ? [frame.event] : [])),
  )
  return Promise.all(all)
}

test('S7: a command behind a jump host: output, exit code, its own certificate, and two linked recordings', async (t) => {
  const { pair, second, client, jump } = await start(t)
  const { code, stdout, stderr } = await client.ssh([...jump, 'target', 'echo inside; exit 7'])
  t.deepEqual([code, stdout.toString()], [7, 'inside\n'], stderr)
  const { gateway } = pair
  const [outer = [], inner = []] = await recorded(gateway)
  const [outerId = '', innerId = ''] = gateway.sessions
  t.is((await gateway.subject(innerId))['parent'], outerId)
  t.is((await gateway.subject(outerId))['parent'], undefined)
  t.like(
    outer.find(({ type }) => type === 'hop_opened'),
    { target: `127.0.0.1:${second.port}` },
  )
  t.true(outer.some(({ type }) => type === 'forward_closed'))
  t.true(inner.some((event) => event.type === 'exec' && event.command === 'echo inside; exit 7'))
  t.true(inner.some((event) => event.type === 'exit_status' && event.code === 7))
  t.regex(second.log(), new RegExp(`ID zt:ann@example.com:${innerId} \\(serial \\d+\\)`))
  t.regex(pair.sshd.log(), new RegExp(`ID zt:ann@example.com:${outerId} \\(serial \\d+\\)`))
})

test('S7: ssh -J itself', async (t) => {
  const { pair, second, client } = await start(t)
  // -J reads the jump host from the same file, so that file names both.
  const both = join(client.folder, 'both')
  const jumpHost = readFileSync(pair.proxied.config, 'utf8').replace('Host target', 'Host jump')
  writeFileSync(both, `${jumpHost}\n${readFileSync(client.config, 'utf8')}`)
  const { code, stdout, stderr } = await client.run(
    ['ssh', '-F', both, '-J', 'jump', 'target', 'cat; exit 5'],
    'through',
  )
  t.deepEqual([code, stdout.toString()], [5, 'through'], stderr)
  t.regex(second.log(), /Accepted publickey/)
})

test('S7: 20 MB each way behind a jump host come whole, and are in the inner recording', async (t) => {
  const { pair, client, jump } = await start(t)
  const big = Buffer.alloc(20_000_000, 'some octets and more. ')
  const { code, stdout } = await client.ssh([...jump, 'target', 'cat'], big)
  t.is(code, 0)
  t.true(stdout.equals(big))
  await pair.gateway.lastEnd()
  const octetsOf = async (id: string, stream: string) =>
    (await pair.gateway.frames(id)).reduce(
      (sum, frame) =>
        'stream' in frame && frame.stream === stream ? sum + frame.bytes.length : sum,
      0,
    )
  const [outerId = '', innerId = ''] = pair.gateway.sessions
  t.deepEqual(await Promise.all([octetsOf(innerId, 'input'), octetsOf(innerId, 'output')]), [
    big.length,
    big.length,
  ])
  t.deepEqual(await Promise.all([octetsOf(outerId, 'input'), octetsOf(outerId, 'output')]), [0, 0])
})

test('S7 S6: sftp behind a jump host, told file by file', async (t) => {
  const { pair, client, jump } = await start(t)
  writeFileSync(join(client.folder, 'a'), Buffer.alloc(500_000, 'x'))
  const argv = ['sftp', '-q', '-b', '-', '-F', client.config, ...jump, 'target']
  const batch = `put ${client.folder}/a ${client.folder}/b\n`
  const { code, stderr } = await client.run(argv, batch)
  t.deepEqual([code, stderr], [0, ''])
  t.is(readFileSync(join(client.folder, 'b')).length, 500_000)
  const [, inner = []] = await recorded(pair.gateway)
  const closed = inner.find((e) => e.type === 'sftp' && e.operation === 'close')
  t.like(closed, { wroteBytes: 500_000 })
})

test('S7 T42: a target behind that policy does not permit is refused with a sentence', async (t) => {
  const { pair } = await start(t)
  const { stderr } = await pair.proxied.ssh(['-W', '127.0.0.1:1', 'target'])
  t.regex(stderr, /open failed: administratively prohibited: this application is not for you/)
  await pair.gateway.lastEnd()
  t.true(pair.gateway.log.some(({ reason }) => reason === 'hop_refused'))
  t.notRegex(pair.sshd.log(), /connect_to|direct-tcpip/)
})

test('S7 T42: only SSH passes where only a jump is granted', async (t) => {
  const { pair, second } = await start(t)
  const args = ['-W', `127.0.0.1:${second.port}`, 'target']
  const { stdout } = await pair.proxied.ssh(args, 'GET / HTTP/1.0\r\n\r\n')
  // The gateway itself answers, as an SSH server, and ends it.
  t.regex(stdout.toString(), /^SSH-2\.0-/)
  t.notRegex(second.log(), /HTTP/)
})

test('S7: beside a jump, forwardings go on as they are', async (t) => {
  const echo = createServer((socket) => socket.pipe(socket))
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  t.teardown(() => echo.close())
  const at = echo.address()
  const port = typeof at === 'object' && at !== null ? at.port : 0
  const { pair } = await start(t, { localForward: forwardsTo('127.0.0.1:*') })
  const { stdout } = await pair.proxied.ssh(['-W', `127.0.0.1:${port}`, 'target'], 'hello')
  t.is(stdout.toString(), 'hello')
  const [outer = []] = await recorded(pair.gateway)
  t.true(outer.some(({ type }) => type === 'forward_opened'))
  t.false(outer.some(({ type }) => type === 'hop_opened'))
})

test('S7: the inner session ends with the outer one, and its recording is closed', async (t) => {
  const { pair, client, jump } = await start(t)
  const child = client.start([...jump, 'target', 'echo up; sleep 60'])
  await once(child.stdout ?? child, 'data')
  pair.gateway.cut('policy_changed')
  await once(child, 'close')
  await pair.gateway.lastEnd()
  const [, innerId = ''] = pair.gateway.sessions
  const frames = await pair.gateway.frames(innerId)
  t.true(frames.some((frame) => 'event' in frame && frame.event.type === 'channel_closed'))
})
