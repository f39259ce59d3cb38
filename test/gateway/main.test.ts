import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import Database from 'better-sqlite3'
import { generateRecipientKey, printRecipient } from '#lib/seal/recipient-key'
import {
  ALLOW_PUBLIC,
  BLOCK_PUBLIC,
  configText,
  freshFolder,
  type GatewayProcess,
  gatewayCommand,
  initOrganisation,
  type LogLine,
  STDERR,
  startGatewayProcess,
  watchProcess,
} from '../support/gateway-process.ts'

const NEVER_DRAINED = fileURLToPath(new URL('../support/never-drained-process.js', import.meta.url))

test.serial('init, then check: what init writes has no mistake', async (t) => {
  const dir = freshFolder(t)
  const made = await gatewayCommand('init', '--data', join(dir, 'data'), '--name', 'Ex "1": é')
  t.is(made.code, 0)
  t.regex(made.stdout, /Administrator secret, shown only now/)
  t.regex(made.stdout, /recipients-signer\.key/)
  t.is(made.stderr, '')
  const checked = await gatewayCommand('check', '--config', join(dir, 'zt.yaml'))
  t.deepEqual([checked.code, checked.stderr], [0, ''])
})

test.serial('init with --config and --json says where everything is', async (t) => {
  const dir = freshFolder(t)
  const config = join(dir, 'etc', 'gateway.yaml')
  const made = await gatewayCommand(
    'init',
    '--data',
    join(dir, 'var'),
    '--config',
    config,
    '--json',
  )
  t.is(made.code, 0)
  const facts = JSON.parse(made.stdout)
  t.is(facts.configFile, config)
  t.is(facts.recipientsSigner, join(dir, 'etc', 'recipients-signer.key'))
  t.regex(facts.caSha256, /^[0-9a-f]{64}$/)
  t.is((await gatewayCommand('check', '--config', config)).code, 0)
})

test.serial('a second init refuses and changes nothing', async (t) => {
  const { dir, config } = await initOrganisation(t)
  const key = readFileSync(join(dir, 'data/keys/device-ca.key'), 'utf8')
  const again = await gatewayCommand('init', '--data', join(dir, 'data'))
  t.is(again.code, 1)
  t.regex(again.stderr, /exists already/)
  t.is(readFileSync(join(dir, 'data/keys/device-ca.key'), 'utf8'), key)
  t.true(existsSync(config))
})

const SEVERAL_REQUIRED = `  rule_groups:
    - name: both
      include: [{ everyone: true }]
      require: [{ group: a }, { group: b }]
`

test.serial('A2: check prints warnings with file and line, and ends with 0', async (t) => {
  const { config, write } = await initOrganisation(t)
  write(configText(SEVERAL_REQUIRED))
  const checked = await gatewayCommand('check', '--config', config)
  t.is(checked.code, 0)
  t.regex(checked.stderr, /zt\.yaml:\d+: policy\.rule_groups\[0\]\.require\[1\]: .*any_of/)
  t.regex(checked.stdout, /no mistakes, warnings: 1/)
})

test.serial('check reports all mistakes with file and line, and ends with 1', async (t) => {
  const { config, write } = await initOrganisation(t)
  write(configText('  public_default: maybe\n  surprise: 1'))
  const checked = await gatewayCommand('check', '--config', config)
  t.is(checked.code, 1)
  const lines = checked.stderr.trim().split('\n')
  t.is(lines.length, 2)
  for (const line of lines) t.true(line.startsWith(`${config}:`), line)
})

const wrongUsage: Record<string, string[]> = {
  'no command': [],
  'an unknown command': ['fly'],
  'an unknown option': ['run', '--config', 'x', '--fast'],
  'an argument too many': ['check', '--config', 'x', 'y'],
  'no configuration': ['run'],
  'no data directory': ['init'],
}
for (const [what, args] of Object.entries(wrongUsage)) {
  test.serial(`refuses ${what} with exit code 2`, async (t) => {
    const result = await gatewayCommand(...args)
    t.is(result.code, 2)
    t.not(result.stderr, '')
  })
}

test.serial('help names every exit code and ends with 0', async (t) => {
  const help = await gatewayCommand('--help')
  t.is(help.code, 0)
  for (const code of [0, 1, 2, 3, 4]) t.regex(help.stdout, new RegExp(`^  ${code}  `, 'm'))
})

function adminPort(ready: LogLine): number {
  const { addresses } = ready as unknown as { addresses: { admin: { port: number } } }
  return addresses.admin.port
}

async function tlsTo(ready: LogLine): Promise<TLSSocket> {
  const to = { host: '127.0.0.1', port: adminPort(ready), rejectUnauthorized: false }
  const socket = connect(to)
  await once(socket, 'secureConnect')
  return socket
}

test.serial('run says ready with the ports it got, and SIGTERM ends it with 0', async (t) => {
  const { config } = await initOrganisation(t)
  const gateway = startGatewayProcess(t, config)
  const ready = await gateway.line(/^ready$/)
  t.is(ready['revision'], 1)
  const socket = await tlsTo(ready)
  socket.destroy()
  gateway.child.kill('SIGTERM')
  await gateway.line(/^draining$/)
  t.deepEqual(await gateway.exited(), { code: 0, signal: null })
})

test.serial('a second SIGTERM ends it at once, with exit code 4', async (t) => {
  const gateway = watchProcess(t, spawn(process.execPath, [NEVER_DRAINED], { stdio: STDERR }))
  await gateway.line(/^ready$/)
  gateway.child.kill('SIGTERM')
  await gateway.line(/^draining$/)
  gateway.child.kill('SIGTERM')
  await gateway.line(/^ended at once/)
  t.deepEqual(await gateway.exited(), { code: 4, signal: null })
})

async function reload(gateway: GatewayProcess, says: RegExp): Promise<LogLine> {
  gateway.child.kill('SIGHUP')
  return gateway.line(says)
}

test.serial(
  'SIGHUP imports a good policy as the next revision; a bad one leaves the old in force and says so',
  async (t) => {
    const { dir, config, write } = await initOrganisation(t)
    const gateway = startGatewayProcess(t, config)
    await gateway.line(/^ready$/)

    write(configText('  public_default: maybe'))
    const refused = await reload(gateway, /^reload refused/)
    t.is(refused['inForce'], 1)
    t.regex(String(refused['mistakes']), /public_default/)

    write(configText(SEVERAL_REQUIRED))
    t.regex(String((await reload(gateway, /may not say/))['warnings']), /any_of/)
    t.is((await gateway.line(/^policy revision imported$/))['revision'], 2)

    write(configText(ALLOW_PUBLIC))
    t.is((await reload(gateway, /^policy revision imported$/))['revision'], 3)
    t.is((await reload(gateway, /^policy revision imported$/))['revision'], 3)

    rmSync(config)
    t.is((await reload(gateway, /^reload refused/))['inForce'], 3)

    gateway.child.kill('SIGTERM')
    t.is((await gateway.exited()).code, 0)
    const db = new Database(join(dir, 'data/zt.db'), { readonly: true })
    t.teardown(() => db.close())
    t.is(db.prepare('SELECT count(*) FROM policy_revisions').pluck().get(), 3)
  },
)

test.serial('a SIGHUP during the start is taken when it is ready', async (t) => {
  const { dir, config, write } = await initOrganisation(t)
  const recipient = await recipientFile(dir, 'admin.pub')
  const out = join(dir, 'recipients.jws')
  const key = join(dir, 'recipients-signer.key')
  await gatewayCommand('recipients', 'sign', '--key', key, '--recipient', recipient, '--out', out)
  write(configText(BLOCK_PUBLIC, '  recordings: { recipients_file: recipients.jws }\n'))
  const gateway = startGatewayProcess(t, config)
  // Said before any listener is opened.
  await gateway.line(/^recipients in force$/)
  gateway.child.kill('SIGHUP')
  await gateway.line(/^ready$/)
  t.is((await gateway.line(/^policy revision imported$/))['revision'], 1)
})

test.serial('SIGHUP says that a changed gateway section waits for the next start', async (t) => {
  const { config, write } = await initOrganisation(t)
  const gateway = startGatewayProcess(t, config)
  await gateway.line(/^ready$/)
  write(configText(BLOCK_PUBLIC, '  hosts: { db1.corp.internal: 10.0.0.5 }\n'))
  t.is((await reload(gateway, /at the next start$/))['level'], 'warn')
  await gateway.line(/^policy revision imported$/)
})

test.serial('G11: SIGHUP changes how long history is kept', async (t) => {
  const { dir, config, write } = await initOrganisation(t)
  const keep = (time: string) =>
    write(configText(BLOCK_PUBLIC, `  history: { keep_flows: ${time} }\n`))
  const db = new Database(join(dir, 'data/zt.db'))
  t.teardown(() => db.close())
  const put = db.prepare(`INSERT INTO flows VALUES ('default', ?, ?, '{}')`)
  const daysAgo = (days: number) => Date.now() - days * 86_400_000
  put.run('old', daysAgo(91))
  put.run('young', daysAgo(89))
  keep('forever')
  const gateway = startGatewayProcess(t, config)
  await gateway.line(/^ready$/)
  keep('90d')
  const expired = await reload(gateway, /^(history expired|.*next start)$/)
  t.like(expired, { history: 'flows', removed: 1 })
  t.deepEqual(db.prepare('SELECT id FROM flows').pluck().all(), ['young'])
})

test.serial(
  'E9: kill -9, then start again: the store is intact and the revision is the same',
  async (t) => {
    const { dir, config } = await initOrganisation(t)
    const first = startGatewayProcess(t, config)
    await first.line(/^ready$/)
    first.child.kill('SIGKILL')
    t.is((await first.exited()).signal, 'SIGKILL')
    const second = startGatewayProcess(t, config)
    t.is((await second.line(/^ready$/))['revision'], 1)
    const db = new Database(join(dir, 'data/zt.db'), { readonly: true })
    t.teardown(() => db.close())
    t.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }])
  },
)

test.serial('run refuses keys that others can read, with exit code 3', async (t) => {
  const { dir, config } = await initOrganisation(t)
  chmodSync(join(dir, 'data/keys/ssh-user-ca.key'), 0o644)
  const gateway = startGatewayProcess(t, config)
  const said = await gateway.line(/open to other users/)
  t.is(said['reason'], 'bad_mode')
  t.is((await gateway.exited()).code, 3)
})

test.serial('run refuses a store from a newer program, with exit code 3', async (t) => {
  const { dir, config } = await initOrganisation(t)
  const db = new Database(join(dir, 'data/zt.db'))
  db.prepare("INSERT INTO schema_migrations VALUES (999, 'later', 'x', 0)").run()
  db.close()
  const gateway = startGatewayProcess(t, config)
  t.is((await gateway.line(/newer zt-gateway|checksum/))['level'], 'error')
  t.is((await gateway.exited()).code, 3)
})

test.serial('run refuses an address that is taken, with exit code 3', async (t) => {
  const { config, write } = await initOrganisation(t)
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  write(readFileSync(config, 'utf8').replace(/(admin: .*127\.0\.0\.1:)0/, `$1${port}`))
  const gateway = startGatewayProcess(t, config)
  t.is((await gateway.line(/EADDRINUSE/))['reason'], 'cannot_listen')
  t.is((await gateway.exited()).code, 3)
})

test.serial('run refuses a configuration with mistakes, with exit code 1', async (t) => {
  const { config, write } = await initOrganisation(t)
  write('gateway: 1')
  const gateway = startGatewayProcess(t, config)
  await gateway.line(/has mistakes/)
  t.is((await gateway.exited()).code, 1)
})

test.serial('no secret of the organisation is in the log', async (t) => {
  const { dir, config, adminSecret } = await initOrganisation(t)
  const gateway = startGatewayProcess(t, config)
  await gateway.line(/^ready$/)
  gateway.child.kill('SIGTERM')
  await gateway.line(/^draining$/)
  await gateway.exited()
  const log = gateway.log.join('\n')
  t.false(log.includes(adminSecret))
  const key = readFileSync(join(dir, 'data/keys/device-ca.key'), 'utf8').split('\n')[1] ?? ''
  t.false(log.includes(key))
})

async function recipientFile(dir: string, name: string): Promise<string> {
  const { recipient } = await generateRecipientKey('x25519')
  const file = join(dir, name)
  writeFileSync(file, `${printRecipient(recipient)}\n`)
  return file
}

test.serial(
  'S9: recipients are signed with the offline key, and shown when the signature fits',
  async (t) => {
    const { dir, config, write } = await initOrganisation(t)
    const recipient = await recipientFile(dir, 'admin.pub')
    const key = join(dir, 'recipients-signer.key')
    const out = join(dir, 'recipients.jws')
    const args = ['recipients', 'sign', '--key', key, '--recipient', recipient, '--out', out]
    t.is((await gatewayCommand(...args)).code, 0)
    write(configText(BLOCK_PUBLIC, '  recordings: { recipients_file: recipients.jws }\n'))
    const shown = await gatewayCommand('recipients', 'show', '--config', config)
    t.is(shown.code, 0)
    t.regex(shown.stdout, /^signed \S+\noutput SHA256:\S+\n$/)
    t.is((await gatewayCommand('check', '--config', config)).code, 0)

    const signed = readFileSync(out, 'utf8')
    writeFileSync(
      out,
      signed.replace(/.\n$/, (end) => (end.startsWith('A') ? 'B\n' : 'A\n')),
    )
    const tampered = await gatewayCommand('recipients', 'show', '--config', config)
    t.is(tampered.code, 1)
    t.regex(tampered.stderr, /not signed by the key/)
    const checked = await gatewayCommand('check', '--config', config)
    t.deepEqual([checked.code, checked.stdout], [1, ''])
    t.regex(checked.stderr, /recipients\.jws:1: gateway\.recordings\.recipients_file: .*not signed/)
  },
)

test.serial('S9: a list signed by another organisation is refused', async (t) => {
  const mine = await initOrganisation(t)
  const other = await initOrganisation(t)
  const recipient = await recipientFile(mine.dir, 'admin.pub')
  const out = join(mine.dir, 'recipients.jws')
  const key = join(other.dir, 'recipients-signer.key')
  await gatewayCommand('recipients', 'sign', '--key', key, '--recipient', recipient, '--out', out)
  mine.write(configText(BLOCK_PUBLIC, '  recordings: { recipients_file: recipients.jws }\n'))
  const shown = await gatewayCommand('recipients', 'show', '--config', mine.config)
  t.is(shown.code, 1)
  t.regex(shown.stderr, /not signed by the key/)
})

const signRefusals: Record<string, [(dir: string) => void, RegExp]> = {
  'a key that others can read': [
    (dir) => chmodSync(join(dir, 'recipients-signer.key'), 0o644),
    /open to other users/,
  ],
  'a key that is none': [
    (dir) => writeFileSync(join(dir, 'recipients-signer.key'), 'x'),
    /not the key that init wrote/,
  ],
  'a recipient that is none': [(dir) => writeFileSync(join(dir, 'admin.pub'), 'x'), /public line/],
  'no recipient': [(dir) => writeFileSync(join(dir, 'admin.pub'), ''), /no recipient/],
}
for (const [what, [spoil, says]] of Object.entries(signRefusals)) {
  test.serial(`S9: recipients sign refuses ${what}`, async (t) => {
    const { dir } = await initOrganisation(t)
    const recipient = await recipientFile(dir, 'admin.pub')
    spoil(dir)
    const out = join(dir, 'recipients.jws')
    const key = join(dir, 'recipients-signer.key')
    const result = await gatewayCommand(
      'recipients',
      'sign',
      '--key',
      key,
      '--recipient',
      recipient,
      '--out',
      out,
    )
    t.is(result.code, 1)
    t.regex(result.stderr, says)
    t.false(existsSync(out))
  })
}

test.serial(
  'S9: run says who can open recordings, and takes no list that is not signed',
  async (t) => {
    const { dir, config, write } = await initOrganisation(t)
    const out = join(dir, 'recipients.jws')
    const key = join(dir, 'recipients-signer.key')
    const recipient = await recipientFile(dir, 'admin.pub')
    await gatewayCommand('recipients', 'sign', '--key', key, '--recipient', recipient, '--out', out)
    write(configText(BLOCK_PUBLIC, '  recordings: { recipients_file: recipients.jws }\n'))
    const gateway = startGatewayProcess(t, config)
    const inForce = await gateway.line(/^recipients in force$/)
    t.regex(JSON.stringify(inForce['recipients']), /^\{"output":\["SHA256:[^"]+"\]\}$/)
    await gateway.line(/^ready$/)
    writeFileSync(out, 'x.y.z')
    t.is((await reload(gateway, /^list of recipients refused/))['reason'], 'bad_signature')
    await gateway.line(/^policy revision imported$/)
  },
)
