/**
 * The whole path on real parts: three namespaces, sshd, web application, identity provider, gateway, daemon, real clients.
 *
 *   root (laptop)             gw                    targets
 *   ssh, curl, zt, daemon ──► gateway ────────────► sshd, web
 */
import { createHash } from 'node:crypto'
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import Database from 'better-sqlite3'
import { SocksClient } from 'socks'
import { type Finished, run, startProcess } from '../../scripts/lab/child-process.ts'
import { latestRecording, verifyOpened } from '../../scripts/lab/demo-ssh-steps.ts'
import { enrol } from '../../scripts/lab/log-in.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { demoPolicy, NAMES, PORTS } from '../../scripts/lab/policy-texts.ts'

const test = anyTest as TestFn<{ organisation: Organisation; folder: string }>

/** Size of the transfers that are compared by hash. */
const BULK_BYTES = 100 * 1024 * 1024

test.before(async (t) => {
  t.timeout(120_000)
  const organisation = await startOrganisation('namespaces')
  const folder = mkdtempSync(join(tmpdir(), 'zt-rig-'))
  t.context = { organisation, folder }
  const [alice] = organisation.people
  if (alice === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, alice)
  await organisation.applyPolicy(demoPolicy(organisation.policyInput))
})

test.after.always(async (t) => {
  await t.context.organisation?.close()
  if (t.context.folder) rmSync(t.context.folder, { recursive: true, force: true })
})

const wiki = `http://${NAMES.wiki}:${PORTS.web}/`
const proxyOf = ({ proxy }: Organisation): string => `${proxy.host}:${proxy.port}`

/** Options of plain OpenSSH clients, from `zt ssh-config` as a user would write it to a file. */
async function sshOptions({
  organisation,
  folder,
}: {
  organisation: Organisation
  folder: string
}): Promise<string[]> {
  const { zt, policyInput } = organisation
  const made = await run([...zt, 'ssh-config'], { env: { XDG_CONFIG_HOME: folder } })
  const file = join(folder, 'ssh.conf')
  writeFileSync(file, made.stdout)
  return [
    '-F',
    file,
    '-o',
    `User=${policyInput.unixUser}`,
    '-o',
    'BatchMode=yes',
    '-o',
    `Port=${policyInput.sshPort}`,
  ]
}

const curlClients: Record<string, (proxy: string) => string[]> = {
  'SOCKS5 by name': (proxy) => ['--socks5-hostname', proxy],
  SOCKS4a: (proxy) => ['--socks4a', proxy],
  'plain HTTP forwarding': (proxy) => ['--proxy', `http://${proxy}`],
  'HTTP CONNECT': (proxy) => ['--proxytunnel', '--proxy', `http://${proxy}`],
}
for (const [title, options] of Object.entries(curlClients)) {
  test.serial(`D1 curl reaches an allowed application through ${title}`, async (t) => {
    const { organisation } = t.context
    const done = await run([
      'curl',
      '-sS',
      '--max-time',
      '15',
      ...options(proxyOf(organisation)),
      wiki,
    ])
    t.is(done.code, 0, done.stderr)
    t.regex(done.stdout, /Private wiki/)
  })
}

test.serial('D1 the PAC file sends our zone to the proxy, and only our zone', async (t) => {
  const { organisation } = t.context
  const done = await run(['curl', '-sS', `http://${proxyOf(organisation)}/proxy.pac`])
  t.regex(done.stdout, /FindProxyForURL/)
  t.true(done.stdout.includes(NAMES.zone))
})

test.serial(
  'G2 G3 D12 a destination without an application is refused, explain repeats the reason, no SYN reached it',
  async (t) => {
    const { organisation, folder } = t.context
    const { lab, zt } = organisation
    const capture = await startProcess({
      argv: [
        ...lab.inTargets,
        'tcpdump',
        '-i',
        'any',
        '-n',
        '-l',
        'tcp',
        'port',
        String(PORTS.denied),
      ],
      logFile: join(folder, 'tcpdump.log'),
      readyWhen: /listening on/,
    })
    const refused = await run([
      'curl',
      '-sS',
      '--max-time',
      '15',
      '--proxytunnel',
      '--proxy',
      `http://${proxyOf(organisation)}`,
      '-D',
      '-',
      `http://${NAMES.denied}:${PORTS.denied}/`,
    ])
    t.not(refused.code, 0)
    t.regex(refused.stdout, /403[\s\S]*no_application/)
    const explained = await run([...zt, 'explain', NAMES.denied, String(PORTS.denied), '--json'])
    t.is(explained.code, 4)
    t.is(JSON.parse(explained.stdout).reason, 'no_application')
    // The capture works: it sees the one SYN that is sent now, and none came before it.
    const seen = capture.nextLine(/Flags \[S\]/)
    await run([...lab.inGateway, 'nc', '-z', '-w', '1', lab.target, String(PORTS.denied)])
    await seen
    await capture.stop()
    const lines = readFileSync(join(folder, 'tcpdump.log'), 'utf8').split('\n')
    t.is(lines.filter((line) => line.includes('Flags [S]')).length, 1)
  },
)

test.serial(
  'G11 allowed and refused flows have one record each, with reason and trace',
  async (t) => {
    const { organisation } = t.context
    const answer = await run([
      'curl',
      '-sS',
      '--cacert',
      organisation.caFiles[0] ?? '',
      '-H',
      `Authorization: Bearer ${organisation.adminToken}`,
      `${organisation.urls.admin}/api/v1/flows?limit=200`,
    ])
    const { flows } = JSON.parse(answer.stdout) as {
      flows: { reason: string; state: string; facts: { destination: { host: string } } }[]
    }
    const of = (host: string) => flows.filter((flow) => flow.facts.destination.host === host)
    t.true(of(NAMES.wiki).some((flow) => flow.reason === 'allowed_by_policy'))
    t.true(of(NAMES.denied).some((flow) => flow.reason === 'no_application'))
  },
)

test.serial(
  'T90 curl speaks HTTP/1.1 CONNECT to the gateway with a device certificate, and not without',
  async (t) => {
    const { organisation, folder } = t.context
    const { key, certificate } = JSON.parse(
      readFileSync(join(organisation.folder, 'daemon/registration.json'), 'utf8'),
    )
    const keyFile = join(folder, 'device.key')
    writeFileSync(keyFile, key, { mode: 0o600 })
    writeFileSync(join(folder, 'device.crt'), certificate)
    const base = [
      'curl',
      '-sS',
      '--max-time',
      '15',
      '-p',
      '--proxy',
      organisation.urls.tunnel,
      '--proxy-cacert',
      organisation.caFiles[0] ?? '',
    ]
    const mine = await run([
      ...base,
      '--proxy-cert',
      join(folder, 'device.crt'),
      '--proxy-key',
      keyFile,
      wiki,
    ])
    t.regex(mine.stdout, /Private wiki/, mine.stderr)
    const without = await run([...base, wiki])
    t.not(without.code, 0)
    t.false(without.stdout.includes('Private wiki'))
  },
)

test.serial(
  'S1 plain ssh with the generated configuration: output and exit codes as direct',
  async (t) => {
    const options = await sshOptions(t.context)
    for (const code of [0, 1, 7, 127, 255]) {
      const done = await run([
        'ssh',
        ...options,
        NAMES.database,
        `echo out; echo err >&2; exit ${code}`,
      ])
      t.is(done.code, code, done.stderr)
      t.is(done.stdout, 'out\n')
      t.is(done.stderr, 'err\n')
    }
  },
)

test.serial(
  'S1 no question about host keys: a host certificate by the organisation is shown',
  async (t) => {
    const options = await sshOptions(t.context)
    const done = await run(['ssh', ...options, '-v', NAMES.database, 'true'])
    t.is(done.code, 0)
    t.regex(done.stderr, /Server host certificate: .*CA ssh-ed25519/)
  },
)

test.serial('S1 ssh through "zt connect" as proxy command', async (t) => {
  const { organisation } = t.context
  const options = await sshOptions(t.context)
  const command = `${organisation.zt.join(' ')} connect %h %p`
  const done = await run([
    'ssh',
    '-o',
    `ProxyCommand=${command}`,
    ...options,
    NAMES.database,
    'echo via zt',
  ])
  t.is(done.stdout, 'via zt\n', done.stderr)
})

test.serial('S1 S8 scp, sftp, rsync and git carry the same bytes as direct', async (t) => {
  const { folder } = t.context
  const options = await sshOptions(t.context)
  const remote = join(folder, 'remote')
  mkdirSync(remote, { recursive: true })
  const small = join(folder, 'small')
  writeFileSync(small, 'hello\n'.repeat(1000))
  const host = NAMES.database
  const rsh = `ssh ${options.join(' ')}`
  const same = async (title: string, argv: string[], made: string, stdin = ''): Promise<void> => {
    const done = await run(argv, { timeoutMs: 60_000, stdin, env: { GIT_SSH_COMMAND: rsh } })
    t.is(done.code, 0, `${title}: ${done.stderr}`)
    t.is(readFileSync(made, 'utf8'), readFileSync(small, 'utf8'), title)
  }
  await same('scp', ['scp', '-q', ...options, small, `${host}:${remote}/scp`], `${remote}/scp`)
  await same(
    'scp -O',
    ['scp', '-q', '-O', ...options, small, `${host}:${remote}/scpO`],
    `${remote}/scpO`,
  )
  await same(
    'sftp',
    ['sftp', '-q', '-b', '-', ...options, host],
    `${remote}/sftp2`,
    `put ${small} ${remote}/sftp\nrename ${remote}/sftp ${remote}/sftp2\n`,
  )
  await same(
    'rsync',
    ['rsync', '-az', '-e', rsh, small, `${host}:${remote}/rsync`],
    `${remote}/rsync`,
  )
  await run(['git', 'init', '-q', '--bare', `${remote}/r.git`])
  await run([
    'sh',
    '-c',
    `cd ${folder} && git init -q w && cp small w/ && cd w && git add . && git -c user.name=a -c user.email=a@b commit -qm x`,
  ])
  await same(
    'git',
    [
      'sh',
      '-c',
      `cd ${folder}/w && git push -q ssh://${host}${remote}/r.git HEAD:refs/heads/m && git clone -q -b m ssh://${host}${remote}/r.git ../c`,
    ],
    join(folder, 'c/small'),
  )
})

test.serial('S1 100 MB both ways by hash', async (t) => {
  t.timeout(120_000)
  const { folder } = t.context
  const options = await sshOptions(t.context)
  const big = join(folder, 'big')
  await run(['sh', '-c', `head -c ${BULK_BYTES} /dev/urandom > ${big}`])
  const wanted = await sha256(big)
  const up = await run(
    ['sh', '-c', `ssh ${options.join(' ')} ${NAMES.database} 'cat > ${folder}/up' < ${big}`],
    { timeoutMs: 60_000 },
  )
  t.is(up.code, 0, up.stderr)
  t.is(await sha256(join(folder, 'up')), wanted)
  const down = await run(
    ['sh', '-c', `ssh ${options.join(' ')} ${NAMES.database} 'cat ${big}' > ${folder}/down`],
    { timeoutMs: 60_000 },
  )
  t.is(down.code, 0, down.stderr)
  t.is(await sha256(join(folder, 'down')), wanted)
})

test.serial('S4 a UNIX user that policy does not name is refused with a clear text', async (t) => {
  const { organisation } = t.context
  const done = await run([
    ...organisation.zt,
    'ssh',
    '-p',
    String(organisation.policyInput.sshPort),
    '-o',
    'BatchMode=yes',
    `mallory@${NAMES.database}`,
    'true',
  ])
  t.is(done.code, 255)
  t.regex(done.stderr, /mallory/)
})

test.serial(
  'S5 T40 forwards, agent and X11 are refused, and the refusal is in the sealed events',
  async (t) => {
    const { organisation } = t.context
    const options = await sshOptions(t.context)
    const done = await run(['ssh', ...options, '-W', `127.0.0.1:${PORTS.web}`, NAMES.database])
    t.not(done.code, 0)
    t.regex(done.stderr, /administratively prohibited/)
    const events = await decrypt(organisation, 'jsonl')
    t.regex(events.stdout, /"refused"[\s\S]*direct-tcpip/)
  },
)

test.serial('S9 T63 another key is told so; the right one opens', async (t) => {
  const { organisation, folder } = t.context
  const other = join(folder, 'other.key')
  await run([...organisation.zt, 'recordings', 'keygen', '--out', other])
  const { id } = await latestRecording(organisation)
  const wrong = await run([...organisation.zt, 'recordings', 'decrypt', id, '--key', other])
  t.not(wrong.code, 0)
  t.regex(wrong.stderr, /not a recipient|not_a_recipient/)
  t.is((await decrypt(organisation, 'text')).code, 0)
})

test.serial('S10 T63 verify says where a recording was changed', async (t) => {
  const { organisation, folder } = t.context
  const { id } = await latestRecording(organisation)
  const [row] = JSON.parse(
    (await run([...organisation.zt, 'recordings', 'list', '--json'])).stdout,
  ) as { id: string; file?: string }[]
  t.is(row?.id, id)
  const files = (
    await run(['sh', '-c', `ls -t ${organisation.recordings.dir} | grep -v manifest`])
  ).stdout
    .trim()
    .split('\n')
  const name = files[0] ?? ''
  const bytes = readFileSync(join(organisation.recordings.dir, name))
  bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1
  writeFileSync(join(folder, name), bytes)
  writeFileSync(
    join(folder, `${name}.manifest`),
    readFileSync(join(organisation.recordings.dir, `${name}.manifest`)),
  )
  const verdict = await run([
    ...organisation.zt,
    'recordings',
    'verify',
    join(folder, name),
    '--json',
  ])
  t.is(verdict.code, 8, verdict.stdout + verdict.stderr)
  t.regex(verdict.stdout, /tampered/)
})

test.serial(
  'S10 verify believes the evidence key that was given, and no other signer',
  async (t) => {
    const { organisation, folder } = t.context
    const { id } = await latestRecording(organisation)
    const verify = (keyFile: string): Promise<Finished> =>
      run([...organisation.zt, 'recordings', 'verify', id, '--evidence-key', keyFile])
    const mine = await verify(join(organisation.files.data, 'keys/evidence-signing.pub'))
    t.is(mine.code, 0, mine.stdout + mine.stderr)
    t.regex(mine.stdout, /signed by a key that you trust/)
    const other = join(folder, 'other.pub')
    await run([
      'sh',
      '-c',
      `openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout -out ${other}`,
    ])
    const wrong = await verify(other)
    t.is(wrong.code, 8)
    t.regex(wrong.stdout, /a key that you do not trust/)
  },
)

test.serial(
  'T13 ssh-audit finds nothing to fail in the SSH proxy, and no NIST curve',
  async (t) => {
    const { organisation } = t.context
    const { proxy, policyInput } = organisation
    const server = createServer({ allowHalfOpen: true }, (client) => {
      client.on('error', () => {})
      SocksClient.createConnection({
        proxy: { ...proxy, type: 5 },
        command: 'connect',
        destination: { host: NAMES.database, port: policyInput.sshPort },
      }).then(
        ({ socket }) => {
          socket.on('error', () => client.destroy())
          client.pipe(socket).pipe(client)
        },
        () => client.destroy(),
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    const audit = await run(['ssh-audit', '-n', '-p', String(port), '127.0.0.1'], {
      timeoutMs: 60_000,
    })
    t.regex(audit.stdout, /curve25519-sha256/)
    t.notRegex(audit.stdout, /\[fail\]/)
    t.notRegex(audit.stdout, /nistp/)
  },
)

test.serial(
  'D15 another local user gets nothing from the proxy port nor the control socket',
  async (t) => {
    const { organisation } = t.context
    const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    const done = await run([
      ...asNobody,
      'curl',
      '-sS',
      '--max-time',
      '5',
      '--socks5-hostname',
      proxyOf(organisation),
      wiki,
    ])
    t.not(done.code, 0)
    t.false(done.stdout.includes('Private wiki'))
    const status = await run([...asNobody, ...organisation.zt, 'status'])
    t.is(status.code, 3)
  },
)

test.serial(
  'S11 D8 kill -9 of the gateway: what was recorded opens, flagged incomplete; the daemon reconnects; the store is intact',
  async (t) => {
    t.timeout(90_000)
    const { organisation } = t.context
    const options = await sshOptions(t.context)
    const marker = 'before-the-crash'
    const session = await startProcess({
      argv: ['ssh', '-tt', ...options, NAMES.database, `echo ${marker}; exec sleep 60`],
      logFile: join(t.context.folder, 'crash.log'),
      readyWhen: new RegExp(marker),
    })
    const { id } = await latestRecording(organisation)
    await sealedWithinASecond(organisation)
    organisation.gateway().signal('SIGKILL')
    await organisation.gateway().exited
    await session.exited
    const store = new Database(join(organisation.files.data, 'zt.db'))
    t.deepEqual(store.pragma('integrity_check'), [{ integrity_check: 'ok' }])
    store.close()
    await organisation.startGateway()
    const text = await decrypt(organisation, 'text', id)
    t.regex(text.stdout, new RegExp(marker), text.stderr)
    const verdict = await verifyOpened(organisation, id)
    t.is(verdict.code, 7, verdict.stdout + verdict.stderr)
    t.true(
      await eventually(async () => (await run([...organisation.zt, 'status'])).code === 0, 60_000),
    )
  },
)

test.serial('D7 a revoked device is cut at once and refused from then on', async (t) => {
  const { organisation } = t.context
  const api = (path: string, ...rest: string[]): Promise<Finished> =>
    run([
      'curl',
      '-sS',
      '--cacert',
      organisation.caFiles[0] ?? '',
      '-H',
      `Authorization: Bearer ${organisation.adminToken}`,
      ...rest,
      `${organisation.urls.admin}${path}`,
    ])
  const { devices } = JSON.parse((await api('/api/v1/devices')).stdout) as {
    devices: { id: string }[]
  }
  await api(`/api/v1/devices/${devices[0]?.id}/revoke`, '-X', 'POST')
  const revoked = async (): Promise<boolean> => {
    const { stdout } = await run([...organisation.zt, 'status', '--json'])
    return (JSON.parse(stdout) as { state: string }).state === 'revoked'
  }
  t.true(await eventually(revoked, 60_000))
  const done = await run([
    'curl',
    '-sS',
    '--max-time',
    '10',
    '--socks5-hostname',
    proxyOf(organisation),
    wiki,
  ])
  t.not(done.code, 0)
})

test.serial('D7 zt logout ends the registration at the gateway too', async (t) => {
  const { organisation } = t.context
  const { zt, people } = organisation
  const devices = async (): Promise<{ id: string; revoked: boolean }[]> => {
    const url = `${organisation.urls.admin}/api/v1/devices`
    const ca = organisation.caFiles.flatMap((file) => ['--cacert', file])
    const secret = `Authorization: Bearer ${organisation.adminToken}`
    const done = await run(['curl', '-sS', ...ca.slice(0, 2), '-H', secret, url])
    return (JSON.parse(done.stdout) as { devices: { id: string; revoked: boolean }[] }).devices
  }
  t.is((await run([...zt, 'logout'])).code, 0)
  const before = new Set((await devices()).map(({ id }) => id))
  const [alice] = people
  if (alice === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, alice)
  const revokedNow = async () => (await devices()).find(({ id }) => !before.has(id))?.revoked
  t.is(await revokedNow(), false)
  t.is((await run([...zt, 'logout'])).code, 0)
  t.is(await revokedNow(), true)
})

function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  return new Promise((resolve, reject) => {
    createReadStream(file)
      .on('error', reject)
      .on('data', (chunk) => hash.update(chunk))
      .on('end', () => resolve(hash.digest('hex')))
  })
}

async function decrypt(organisation: Organisation, format: string, id?: string): Promise<Finished> {
  const which = id ?? (await latestRecording(organisation)).id
  return run([
    ...organisation.zt,
    'recordings',
    'decrypt',
    which,
    '--key',
    organisation.recordings.recipientKeyFile,
    '--format',
    format,
  ])
}

/** Asks again until it holds or the time is up: what is awaited happens in another process. */
async function eventually(check: () => Promise<boolean>, withinMs: number): Promise<boolean> {
  const deadlineMs = Date.now() + withinMs
  while (Date.now() < deadlineMs) if (await check()) return true
  return false
}

/** The promise under test: bytes are sealed and written within a second of arrival. */
async function sealedWithinASecond(organisation: Organisation): Promise<void> {
  const size = async (): Promise<number> =>
    Number((await run(['sh', '-c', `du -bs ${organisation.recordings.dir} | cut -f1`])).stdout)
  const before = await size()
  await eventually(async () => (await size()) > before, 2_000)
}
