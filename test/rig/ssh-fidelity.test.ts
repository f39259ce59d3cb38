/** What OpenSSH's clients see through the gateway equals what they see directly (T46, T48). */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Ran, SshClient } from '../support/ssh-client.ts'
import { proxiedClient, type SshPair, startSshPair } from '../support/ssh-pair.ts'

const BIG = randomBytes(20_000_000)
let pair: SshPair
test.before(async () => {
  pair = await startSshPair()
})
test.after.always(() => pair.stop())

/** What a client makes of something, to be compared. */
type Row = (client: SshClient) => Promise<unknown>
const seen = ({ code, stdout, stderr }: Ran) => ({
  code,
  stdout: stdout.toString('latin1'),
  stderr,
})
const ssh =
  (...args: string[]): Row =>
  async (client) =>
    seen(await client.ssh(['target', ...args]))

const rows: Readonly<Record<string, Row>> = {
  'exit code 0': ssh('exit 0'),
  'exit code 1': ssh('exit 1'),
  'exit code 127': ssh('no-such-program-anywhere'),
  'exit code 255': ssh('exit 255'),
  'output and standard error apart': ssh('echo out; echo err >&2'),
  'environment that the target takes': ssh('echo $LC_ZT'),
  'an empty input': ssh('cat; echo end'),
  'a login shell': (client) => client.ssh(['target'], 'echo hello; exit 4\n').then(seen),
  'a terminal': (client) =>
    client.ssh(['-tt', 'target', 'test -t 0 && echo tty; stty size; exit 5']).then(seen),
  'exit by a signal': async (client) => {
    const { code, stderr } = await client.ssh(['-v', 'target', 'kill -TERM $$'])
    return { code, told: stderr.match(/rtype exit-signal[^\r\n]*/)?.[0] }
  },
  'input, its end, output': (client) => client.ssh(['target', 'cat; echo end'], 'abc').then(seen),
  'early input of 300 KB': (client) =>
    client.ssh(['target', 'sleep 0.2; sha256sum'], BIG.subarray(0, 300_000)).then(seen),
  'output after the end of input': (client) =>
    client.ssh(['target', 'cat; sleep 0.2; echo late'], 'first\n').then(seen),
  'a background process that keeps nothing open': ssh(
    'sleep 3 >/dev/null 2>&1 </dev/null & echo quick',
  ),
  'keepalives of the client': (client) =>
    client
      .ssh([
        '-o',
        'ServerAliveInterval=1',
        '-o',
        'ServerAliveCountMax=1',
        'target',
        'sleep 2; echo z',
      ])
      .then(seen),
}
for (const [title, row] of Object.entries(rows)) {
  test.serial(`S1 T48: as direct: ${title}`, async (t) => {
    const direct = await row(pair.direct)
    t.deepEqual(await row(pair.proxied), direct)
  })
}

test.serial('S1 T48: exit-signal reaches the client by name', async (t) => {
  const { code, stderr } = await pair.proxied.ssh(['-v', 'target', 'kill -TERM $$'])
  t.is(code, 255)
  t.regex(stderr, /rtype exit-signal/)
})

test.serial('S1 T48: 20 MB of standard error come whole', async (t) => {
  const { client, file } = put('big', BIG)
  const { code, stderr } = await client.run([
    'sh',
    '-c',
    `$GIT_SSH_COMMAND target 'cat ${file} >&2' 2>err`,
  ])
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  t.true(readFileSync(join(client.folder, 'err')).equals(BIG))
})

test.serial('S1 T46: scp by SFTP and by its own protocol, both ways', async (t) => {
  const { client, file } = put('scp', BIG)
  for (const mode of ['-s', '-O']) {
    const up = join(client.folder, `up${mode}`)
    const scp = ['scp', '-q', mode, '-F', client.config]
    succeeded(t, await client.run([...scp, file, `target:${up}`]))
    t.true(readFileSync(up).equals(BIG))
    succeeded(t, await client.run([...scp, `target:${file}`, `down${mode}`]))
    t.true(readFileSync(join(client.folder, `down${mode}`)).equals(BIG))
  }
})

test.serial('S1 S6 T46: an sftp batch does its work, and is told file by file', async (t) => {
  const { client, file } = put('batch', BIG.subarray(0, 1_000_000))
  const folder = join(client.folder, 'remote')
  mkdirSync(folder)
  const batch = `cd ${folder}\nmkdir d\nput ${file} d/x\nrename d/x d/y\nget d/y got\nls -l d\nsymlink y d/l\nrm d/l\nrm d/y\nrmdir d\n`
  succeeded(t, await client.run(['sftp', '-q', '-b', '-', '-F', client.config, 'target'], batch))
  await pair.gateway.lastEnd()
  t.true(readFileSync(join(client.folder, 'got')).equals(BIG.subarray(0, 1_000_000)))
  t.deepEqual(readdirSync(folder), [])
  const frames = await pair.gateway.frames(pair.gateway.sessions.at(-1) ?? '')
  const told = frames.flatMap((frame) =>
    'event' in frame && frame.event.type === 'sftp' ? [frame.event] : [],
  )
  const operations = told.map(({ operation, path, wroteBytes, readBytes }) => {
    const octets = wroteBytes || readBytes
    return `${operation} ${path.replace(folder, '')}${octets ? ` ${octets}` : ''}`
  })
  for (const wanted of ['mkdir /d', 'open /d/x', 'close /d/x 1000000', 'close /d/y 1000000']) {
    t.true(operations.includes(wanted), `${wanted} in ${operations.join(', ')}`)
  }
  t.true(operations.some((text) => /rename/.test(text)))
  t.true(operations.includes('remove /d/y') && operations.includes('rmdir /d'))
})

test.serial('S1 T46: rsync there and back', async (t) => {
  const { client } = put('tree/a', BIG.subarray(0, 3_000_000))
  mkdirSync(join(client.folder, 'tree/b'))
  writeFileSync(join(client.folder, 'tree/b/c'), 'text')
  const there = join(client.folder, 'there')
  succeeded(t, await client.run(['rsync', '-a', 'tree/', `target:${there}/`]))
  succeeded(t, await client.run(['rsync', '-az', '--delete', `target:${there}/`, 'back/']))
  succeeded(t, await client.run(['diff', '-r', 'tree', 'back']))
})

test.serial('S1 T46: git push and clone', async (t) => {
  const client = fresh()
  const url = `target:${join(client.folder, 'origin.git')}`
  const git = ['git', '-c', 'user.name=a', '-c', 'user.email=a@example.com']
  succeeded(t, await client.run([...git, 'init', '-q', '--bare', 'origin.git']))
  succeeded(t, await client.run([...git, 'init', '-q', '-b', 'main', 'work']))
  succeeded(t, await client.run([...git, '-C', 'work', 'commit', '-q', '--allow-empty', '-m', 'x']))
  succeeded(t, await client.run([...git, '-C', 'work', 'push', '-q', url, 'main']))
  succeeded(t, await client.run([...git, 'clone', '-q', '-b', 'main', url, 'clone']))
  const log = await client.run([...git, '-C', 'clone', 'log', '--format=%s'])
  t.is(log.stdout.toString(), 'x\n')
})

test.serial('S1 T46: eight sessions at once over one connection (ControlMaster)', async (t) => {
  const client = fresh()
  const socket = join(client.folder, 'master')
  succeeded(
    t,
    await client.ssh(['-M', '-S', socket, '-o', 'ControlPersist=20', '-f', '-N', 'target']),
  )
  const before = pair.gateway.sessions.length
  const sizes = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => n * 500_000)
  const ran = await Promise.all(
    sizes.map((size) => client.ssh(['-S', socket, 'target', 'cat'], BIG.subarray(0, size))),
  )
  for (const [n, { stdout }] of ran.entries()) {
    t.true(stdout.equals(BIG.subarray(0, sizes[n])))
  }
  t.is(pair.gateway.sessions.length, before)
  await client.ssh(['-S', socket, '-O', 'exit', 'target'])
  t.is((await pair.gateway.lastEnd()).closeReason, 'done')
})

test.serial('S1 T07: keys exchanged again and again, 100 MB down, up and through', async (t) => {
  const client = fresh()
  const often = `$GIT_SSH_COMMAND -o RekeyLimit=4M target`
  const hash = '| sha256sum'
  const make = 'head -c 100000000 /dev/zero'
  const wanted = await client.run(['sh', '-c', `${make} ${hash}`])
  for (const line of [`${often} '${make}'`, `${make} | ${often} cat`]) {
    const { stdout, stderr } = await client.run(['sh', '-c', `${line} ${hash}`])
    t.deepEqual(
      { stdout: stdout.toString(), stderr },
      { stdout: wanted.stdout.toString(), stderr: '' },
    )
  }
  const up = await client.run(['sh', '-c', `${make} | ${often} sha256sum`])
  t.is(up.stdout.toString(), wanted.stdout.toString())
})

test.serial('S1 T48: ^C reaches the program', async (t) => {
  const client = fresh()
  const script = `set timeout 15
log_user 0
spawn ssh -F ${client.config} -tt target {trap 'echo GOT; exit 3' INT; echo READY; while :; do sleep 0.1; done}
expect READY
send \\003
expect GOT
expect eof
exit [lindex [wait] 3]`
  t.is((await client.run(['expect', '-'], script)).code, 3)
})

test.serial('S1 S8 T48: a changed window reaches the program and the recording', async (t) => {
  const client = fresh()
  const script = `set timeout 15
log_user 0
spawn ssh -F ${client.config} -tt target {trap 'stty size; exit 3' WINCH; echo READY; while :; do sleep 0.1; done}
expect READY
exec stty -F $spawn_out(slave,name) rows 41 cols 133
expect {41 133}
expect eof
exit [lindex [wait] 3]`
  t.is((await client.run(['expect', '-'], script)).code, 3)
  await pair.gateway.lastEnd()
  const frames = await pair.gateway.frames(pair.gateway.sessions.at(-1) ?? '')
  const events = frames.flatMap((frame) => ('event' in frame ? [frame.event] : []))
  t.true(events.some((event) => event.type === 'resize' && event.columns === 133))
})

test.serial(
  'S8 S9 T60: the recording holds every octet, both ways, and no octet in the clear',
  async (t) => {
    const client = fresh()
    const input = BIG.subarray(0, 2_000_000)
    const marker = 'marker-7f3a'
    const command = `cat; echo ${marker}; echo ${marker} >&2; exit 6`
    const { code, stdout, stderr } = await client.ssh(['target', command], input)
    t.is(code, 6)
    t.is((await pair.gateway.lastEnd()).closeReason, 'done')
    const frames = await pair.gateway.frames(pair.gateway.sessions.at(-1) ?? '')
    const stream = (name: string) =>
      Buffer.concat(
        frames.flatMap((frame) =>
          'stream' in frame && frame.stream === name ? [frame.bytes] : [],
        ),
      )
    t.true(stream('input').equals(input))
    t.true(stream('output').equals(stdout))
    t.is(stream('stderr').toString(), stderr)
    const events = frames.flatMap((frame) => ('event' in frame ? [frame.event] : []))
    t.true(events.some((event) => event.type === 'exec' && event.command === command))
    t.true(events.some((event) => event.type === 'exit_status' && event.code === 6))
    t.false(pair.gateway.sealed().includes(marker))
  },
)

let clients: SshClient[] = []
test.after.always(() => {
  for (const client of clients) client.remove()
  clients = []
})

/** A client through the gateway with a folder of its own. */
function fresh(): SshClient {
  const { sshd, gateway } = pair
  const client = proxiedClient(gateway, sshd.user)
  clients.push(client)
  return client
}

function put(name: string, content: Uint8Array): { client: SshClient; file: string } {
  const client = fresh()
  const file = join(client.folder, name)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, content)
  return { client, file }
}

function succeeded(t: ExecutionContext, { code, stderr }: Ran): void {
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' })
}
