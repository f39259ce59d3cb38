/** What an application grants works with the real client and server, and what it does not is refused in their words. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { SessionEvent } from '#lib/recording/session-event'
import type { SshLimits } from '../../../../gateway/policy/decision.ts'
import { DEFAULT_SSH_GRANT, type SshGrant } from '../../../../gateway/policy/ssh-grant.ts'
import { forwardsTo } from '../../../support/relay-rig.ts'
import type { GatewayOptions } from '../../../support/ssh-gateway.ts'
import { type SshPair, startSshPair } from '../../../support/ssh-pair.ts'

type Granted = Partial<SshGrant> & Pick<SshLimits, 'sessionTimeMs' | 'concurrentSessions'>

async function start(
  t: ExecutionContext,
  { sessionTimeMs, concurrentSessions, ...grant }: Granted,
  config: readonly string[] = [],
  options: Partial<GatewayOptions> = {},
): Promise<SshPair> {
  const pair = await startSshPair(config, {
    ...options,
    limitsToo: {
      grants: [{ ...DEFAULT_SSH_GRANT, ...grant }],
      ...(sessionTimeMs !== undefined && { sessionTimeMs }),
      ...(concurrentSessions !== undefined && { concurrentSessions }),
    },
  })
  t.teardown(() => pair.stop())
  return pair
}

/** A server that sends back what it gets, in capitals. */
async function startEcho(t: ExecutionContext, at: string | 0 = 0): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (octets) => socket.write(octets.toString('latin1').toUpperCase(), 'latin1'))
    socket.on('end', () => socket.end())
    socket.on('error', () => {})
  })
  if (at === 0) server.listen(0, '127.0.0.1')
  else server.listen(at)
  await once(server, 'listening')
  t.teardown(() => server.close())
  return portOf(server)
}

function portOf(server: Server): number {
  const at = server.address()
  return typeof at === 'object' && at !== null ? at.port : 0
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  return port
}

/** What comes back for `text`, until the end. */
async function exchange(socket: Socket, text: string): Promise<string> {
  socket.end(text)
  let answer = ''
  socket.setEncoding('latin1').on('data', (octets) => {
    answer += octets
  })
  socket.on('error', () => {})
  await once(socket, 'close')
  return answer
}

/** Starts a client that stays, until it says on standard error what shows that it is ready. */
async function startUntil(t: ExecutionContext, pair: SshPair, args: string[], ready: RegExp) {
  const child = pair.proxied.start(['-v', ...args])
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (octets) => {
      said += octets
      if (ready.test(said)) resolve()
    })
    child.once('exit', () => reject(new Error(said)))
  })
  return { child, said: () => said }
}

async function end(child: ChildProcess, pair: SshPair): Promise<void> {
  child.kill()
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  await pair.gateway.lastEnd()
}

async function eventsOf(pair: SshPair): Promise<readonly SessionEvent[]> {
  await pair.gateway.lastEnd()
  const frames = await pair.gateway.frames(pair.gateway.sessions.at(-1) ?? '')
  return frames.flatMap((frame) => ('event' in frame ? [frame.event] : []))
}

test('S5 T43: -N -L works where nothing but that forwarding is granted', async (t) => {
  const echo = await startEcho(t)
  const localForward = forwardsTo(`127.0.0.1:${echo}`)
  const pair = await start(t, { allow: [], localForward })
  const port = await freePort()
  const { child } = await startUntil(
    t,
    pair,
    ['-N', '-L', `${port}:127.0.0.1:${echo}`, 'target'],
    /Entering interactive session/,
  )
  t.is(await exchange(connect(port, '127.0.0.1'), 'through'), 'THROUGH')
  await end(child, pair)
  const events = await eventsOf(pair)
  t.like(
    events.find(({ type }) => type === 'forward_opened'),
    {
      kind: 'direct-tcpip',
      target: `127.0.0.1:${echo}`,
    },
  )
  t.like(
    events.find(({ type }) => type === 'forward_closed'),
    {
      fromUserBytes: 7,
      fromTargetBytes: 7,
    },
  )
  const shell = await pair.proxied.ssh(['target'], 'id\n')
  t.deepEqual([shell.code, shell.stdout.toString()], [255, ''])
  t.regex(shell.stderr, /shell request failed on channel 0/)
})

test('S5 T42: another UNIX user may not forward either', async (t) => {
  const pair = await start(t, { allow: [], localForward: forwardsTo('*:*') })
  const args = ['-N', '-l', 'postgres', '-L', `${await freePort()}:127.0.0.1:1`, 'target']
  const { code, stderr } = await pair.proxied.ssh(args)
  t.is(code, 255)
  t.regex(stderr, /you may not log in/)
})

test('S5 T40 T42: a destination that is not listed is refused in the words of sshd', async (t) => {
  const echo = await startEcho(t)
  const pair = await start(t, { localForward: forwardsTo('10.0.0.5:5432') })
  const { stderr } = await pair.proxied.ssh(['-W', `127.0.0.1:${echo}`, 'target'])
  t.regex(stderr, /channel 0: open failed: administratively prohibited: open failed/)
  const log = pair.gateway.log.find(({ what }) => what === 'direct-tcpip')
  t.like(log, { target: `127.0.0.1:${echo}`, reason: 'verb_not_granted' })
})

test('S5 T40: what the target cannot reach is refused in its own words', async (t) => {
  const port = await freePort()
  const pair = await start(t, { localForward: forwardsTo('127.0.0.1:*') })
  const { stderr } = await pair.proxied.ssh(['-W', `127.0.0.1:${port}`, 'target'])
  t.regex(stderr, /open failed: connect failed: Connection refused/)
})

test('S5 T40 T46: -D reaches what is listed, by name, and nothing else', async (t) => {
  const echo = await startEcho(t)
  const pair = await start(t, { localForward: forwardsTo(`localhost:${echo}`) })
  const port = await freePort()
  const args = ['-N', '-D', `${port}`, 'target']
  const { child } = await startUntil(t, pair, args, /Entering interactive session/)
  const curl = (host: string) =>
    pair.proxied.run(
      ['curl', '-sS', '--max-time', '45', '--socks5-hostname', `127.0.0.1:${port}`].concat(
        '--http0.9',
        `http://${host}:${echo}/`,
      ),
    )
  t.regex((await curl('localhost')).stdout.toString(), /GET \/ HTTP/)
  t.not((await curl('127.0.0.1')).code, 0)
  await end(child, pair)
})

test('S5 T44: -R 0 learns its port, forwards, and is gone with its client', async (t) => {
  const echo = await startEcho(t)
  const pair = await start(t, { remoteForward: forwardsTo('localhost:*') })
  const args = ['-N', '-R', `0:127.0.0.1:${echo}`, 'target']
  const { child, said } = await startUntil(t, pair, args, /Allocated port \d+/)
  const port = Number(/Allocated port (\d+)/.exec(said())?.[1])
  t.is(await exchange(connect(port, '127.0.0.1'), 'back'), 'BACK')
  await end(child, pair)
  const events = await eventsOf(pair)
  t.like(
    events.find(({ type }) => type === 'forward_requested'),
    { target: 'localhost:0' },
  )
  t.like(
    events.find(({ type }) => type === 'forward_opened'),
    {
      kind: 'forwarded-tcpip',
      target: `localhost:${port}`,
    },
  )
  const gone = connect(port, '127.0.0.1')
  const [error] = await once(gone, 'error')
  t.is(error.code, 'ECONNREFUSED')
})

test('S5 T44: a port that is not listed is refused in the words of sshd', async (t) => {
  const pair = await start(t, { remoteForward: forwardsTo('localhost:8080') })
  const args = ['-o', 'ExitOnForwardFailure=yes', '-N', '-R', '8081:127.0.0.1:1', 'target']
  const { code, stderr } = await pair.proxied.ssh(args)
  t.is(code, 255)
  t.regex(stderr, /remote port forwarding failed for listen port 8081/)
})

test('S5 T40: sockets both ways', async (t) => {
  const pair = await start(t, {
    localForward: forwardsTo('unix:/tmp/*'),
    remoteForward: forwardsTo('unix:/tmp/*'),
  })
  const { folder } = pair.proxied
  const [there, here, back] = ['there', 'here', 'back'].map((name) => join(folder, name))
  if (there === undefined || here === undefined || back === undefined) return t.fail()
  await startEcho(t, there)
  const args = ['-N', '-L', `${here}:${there}`, '-R', `${back}:${there}`, 'target']
  const ready = /remote forward success|Entering interactive session[\s\S]*forward success/
  const { child } = await startUntil(t, pair, args, ready)
  t.is(await exchange(connect(here), 'one'), 'ONE')
  t.is(await exchange(connect(back), 'two'), 'TWO')
  await end(child, pair)
  const kinds = (await eventsOf(pair)).flatMap((e) => (e.type === 'forward_opened' ? e.kind : []))
  t.deepEqual(kinds, ['direct-streamlocal@openssh.com', 'forwarded-streamlocal@openssh.com'])
})

test('S5 T40: the agent answers at the target, as direct, and is not recorded', async (t) => {
  const pair = await start(t, { allow: ['exec', 'agent'], recordForwards: true })
  const list = (client: SshPair['proxied']) =>
    client.run(['ssh-agent', 'ssh', '-F', client.config, '-A', 'target', 'ssh-add -l'])
  const [direct, proxied] = [await list(pair.direct), await list(pair.proxied)]
  t.is(proxied.stdout.toString(), 'The agent has no identities.\n')
  t.deepEqual(proxied, direct)
  const kinds = (await eventsOf(pair)).map(({ type }) => type)
  t.true(kinds.includes('forward_requested') && kinds.includes('forward_closed'))
  const frames = await pair.gateway.frames(pair.gateway.sessions.at(-1) ?? '')
  const recorded = frames.flatMap((frame) => ('stream' in frame ? [frame.bytes] : []))
  t.is(Buffer.concat(recorded).toString(), 'The agent has no identities.\n')
})

test('S5 T40: X11, as direct', async (t) => {
  const pair = await start(t, { allow: ['exec', 'x11'] }, ['XAuthLocation /bin/true'])
  const ask = (client: SshPair['proxied']) =>
    client.ssh(['-Y', 'target', 'test -n "$DISPLAY" && echo granted'])
  const [direct, proxied] = [await ask(pair.direct), await ask(pair.proxied)]
  t.deepEqual(proxied, direct)
  t.is(proxied.stdout.toString(), 'granted\n')
  t.true((await eventsOf(pair)).some((e) => e.type === 'forward_requested' && e.kind === 'x11-req'))
})

test('S5 T40: a subsystem that is listed runs, and its octets are recorded', async (t) => {
  const pair = await start(t, { subsystems: ['netconf'] }, ['Subsystem netconf /bin/cat'])
  const { stdout } = await pair.proxied.ssh(['-s', 'target', 'netconf'], '<hello/>')
  t.is(stdout.toString(), '<hello/>')
  t.true((await eventsOf(pair)).some((e) => e.type === 'subsystem' && e.name === 'netconf'))
  const other = await pair.proxied.ssh(['-s', 'target', 'other'])
  t.regex(other.stderr, /subsystem request failed on channel 0/)
})

test('S5 T40: of commands only those that are listed run', async (t) => {
  const pair = await start(t, { allow: ['exec'], execPatterns: ['echo *', 'git-upload-pack *'] })
  t.is((await pair.proxied.ssh(['target', 'echo hello'])).stdout.toString(), 'hello\n')
  for (const command of ['id', 'echo hello; id', 'echo $(id)', 'echo x >/tmp/y']) {
    const { code, stdout, stderr } = await pair.proxied.ssh(['target', command])
    t.deepEqual([code, stdout.toString()], [255, ''])
    t.regex(stderr, /exec request failed on channel 0/)
  }
  await pair.gateway.lastEnd()
  t.true(pair.gateway.log.some(({ reason }) => reason === 'command_not_listed'))
})

test('S5 T47: a variable that is listed reaches the target', async (t) => {
  const pair = await start(t, { env: ['DEPLOY_TO'] }, ['AcceptEnv DEPLOY_TO'])
  const args = ['-o', 'SetEnv=DEPLOY_TO=staging', 'target', 'echo $DEPLOY_TO']
  t.is((await pair.proxied.ssh(args)).stdout.toString(), 'staging\n')
})

test('S5 T45: sftp under rules: what is allowed works, what is not is denied, and the session goes on', async (t) => {
  const rules = { readOnly: false, paths: [] as string[], denyPaths: [] as string[] }
  const pair = await start(t, { allow: ['sftp'], sftp: rules })
  const { folder } = pair.proxied
  const root = join(folder, 'root')
  mkdirSync(join(root, 'secret'), { recursive: true })
  rules.paths.push(root)
  rules.denyPaths.push(join(root, 'secret'))
  const big = Buffer.alloc(3_000_000, 'abc')
  writeFileSync(join(folder, 'big'), big)
  writeFileSync(join(root, 'secret/key'), 'secret')
  const batch = [
    `put big ${root}/up`,
    `-get ${root}/secret/key stolen`,
    `-get /etc/passwd stolen`,
    `-get ${root}/../config stolen`,
    `-rename ${root} ${folder}/other`,
    `-symlink /etc/passwd ${root}/link`,
    `-rm ${root}/secret/key`,
    `get ${root}/up down`,
    `ls ${root}`,
  ]
  const argv = ['sftp', '-q', '-b', '-', '-F', pair.proxied.config, 'target']
  const { code, stderr } = await pair.proxied.run(argv, `${batch.join('\n')}\n`)
  t.is(code, 0, stderr)
  t.true(readFileSync(join(folder, 'down')).equals(big))
  // sftp looks for a file before it asks for it, and what may not be seen is not found.
  t.is(stderr.match(/not found\./g)?.length, 3, stderr)
  t.is(stderr.match(/Permission denied/g)?.length, 3, stderr)
  t.is(readFileSync(join(root, 'secret/key'), 'utf8'), 'secret')
  const refused = (await eventsOf(pair)).flatMap((e) => (e.type === 'refused' ? [e] : []))
  t.true(refused.some((e) => e.target === '/etc/passwd' && e.reason === 'path_not_allowed'))
  t.true(pair.gateway.log.some(({ what, target }) => what && target === '/etc/passwd'))
})

test('S5 T45 T46: read only holds for sftp and scp, and reading is as ever', async (t) => {
  const pair = await start(t, { allow: ['sftp'], sftp: { readOnly: true, denyPaths: [] } })
  const { folder, config } = pair.proxied
  const big = Buffer.alloc(2_000_000, 'xyz')
  writeFileSync(join(folder, 'big'), big)
  const scp = ['scp', '-q', '-s', '-F', config]
  const down = await pair.proxied.run([...scp, `target:${folder}/big`, 'down'])
  t.deepEqual([down.code, down.stderr], [0, ''])
  t.true(readFileSync(join(folder, 'down')).equals(big))
  const up = await pair.proxied.run([...scp, 'big', `target:${folder}/up`])
  t.not(up.code, 0)
  t.regex(up.stderr, /Permission denied/)
  t.throws(() => readFileSync(join(folder, 'up')), { code: 'ENOENT' })
})

test('S5 T45: links that are at the target lead where the target says', async (t) => {
  const paths: string[] = []
  const pair = await start(t, { allow: ['sftp'], sftp: { readOnly: true, paths, denyPaths: [] } })
  const { folder, config } = pair.proxied
  paths.push(folder)
  symlinkSync('/etc/hostname', join(folder, 'link'))
  const argv = ['scp', '-q', '-s', '-F', config, `target:${folder}/link`, 'down']
  t.is((await pair.proxied.run(argv)).code, 0)
  t.deepEqual(readFileSync(join(folder, 'down')), readFileSync('/etc/hostname'))
})

test('S5: a session ends when it lasted as long as it may, with words', async (t) => {
  const pair = await start(t, { sessionTimeMs: 300 })
  const { code, stderr } = await pair.proxied.ssh(['target', 'sleep 20'])
  t.is(code, 255)
  t.regex(stderr, /zt: the session lasted as long as a session may/)
  t.is((await pair.gateway.lastEnd()).closeReason, 'session_time_exceeded')
})

test('S5: one session more than granted is refused with words, and is welcome after another ended', async (t) => {
  const pair = await start(t, { concurrentSessions: 1 })
  const first = pair.proxied.start(['target', 'echo up; cat'])
  t.teardown(() => first.kill('SIGKILL'))
  await once(first.stdout ?? first, 'data')
  const second = await pair.proxied.ssh(['target', 'id'])
  t.is(second.code, 255)
  t.regex(second.stderr, /as many sessions in this application as you may have at once/)
  first.stdin?.end()
  await once(first, 'close')
  await pair.gateway.lastEnd()
  t.is((await pair.proxied.ssh(['target', 'exit 3'])).code, 3)
})

test('S5 T42: SSH inside a forwarding is ended, and told', async (t) => {
  const pair = await start(t, { localForward: forwardsTo('*:*') })
  const jump = [
    '-o',
    `ProxyCommand=ssh -F ${pair.proxied.config} -W 127.0.0.1:${pair.sshd.port} target`,
  ]
  const { code } = await pair.direct.ssh([...jump, 'target', 'id'])
  t.is(code, 255)
  const events = await eventsOf(pair)
  t.true(events.some((e) => e.type === 'refused' && e.reason === 'nested_ssh'))
})

test('S7 S5: SSH inside a forwarding passes unseen where that is granted, and is flagged', async (t) => {
  const pair = await start(t, { localForward: forwardsTo('*:*'), nested: 'opaque' })
  const jump = [
    '-o',
    `ProxyCommand=ssh -F ${pair.proxied.config} -W 127.0.0.1:${pair.sshd.port} target`,
  ]
  t.is((await pair.direct.ssh([...jump, 'target', 'exit 7'])).code, 7)
  t.true((await eventsOf(pair)).some(({ type }) => type === 'nested_opaque'))
})

test('S8 T60: with forwardings recorded, the recording has every octet of every channel, and no other', async (t) => {
  const echo = await startEcho(t)
  const pair = await start(t, {
    localForward: forwardsTo(`127.0.0.1:${echo}`),
    remoteForward: forwardsTo('localhost:*'),
    recordForwards: true,
  })
  const port = await freePort()
  const args = ['-L', `${port}:127.0.0.1:${echo}`, '-R', `0:127.0.0.1:${echo}`]
  const running = await startUntil(t, pair, [...args, 'target', 'cat'], /Allocated port \d+/)
  const remote = Number(/Allocated port (\d+)/.exec(running.said())?.[1])
  const text = (letter: string, size: number) => letter.repeat(size)
  const sent = [text('a', 100_000), text('b', 70_001), text('c', 1)]
  const answers = await Promise.all([
    ...sent.map((one) => exchange(connect(port, '127.0.0.1'), one)),
    exchange(connect(remote, '127.0.0.1'), text('d', 50_000)),
  ])
  const output: Buffer[] = []
  running.child.stdout?.on('data', (octets) => output.push(octets))
  running.child.stdin?.end(text('e', 30_000))
  await once(running.child, 'close')
  t.deepEqual(
    answers,
    [...sent, text('d', 50_000)].map((one) => one.toUpperCase()),
  )
  await pair.gateway.lastEnd()
  const frames = await pair.gateway.frames(pair.gateway.sessions.at(-1) ?? '')
  const of = (stream: string) =>
    frames.flatMap((frame) => ('stream' in frame && frame.stream === stream ? [frame.bytes] : []))
  const lettersOf = (stream: string) => [...Buffer.concat(of(stream)).toString()].sort().join('')
  // What the user's side sent: on forwarded-tcpip that is the answer.
  const input = `${sent.join('')}${text('D', 50_000)}${text('e', 30_000)}`
  const back = `${sent.join('').toUpperCase()}${text('d', 50_000)}${Buffer.concat(output)}`
  t.is(lettersOf('input'), [...input].sort().join(''))
  t.is(lettersOf('output'), [...back].sort().join(''))
})
