import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Command } from 'commander'
import type { ControlRequest, DaemonStatus, WatchEvent } from '#lib/api/control-api'
import {
  encodeServiceCredentials,
  newServiceId,
  newServiceSecret,
} from '#lib/enrol/service-credentials'
import { err, ok } from '#lib/result'
import { parseRecipient } from '#lib/seal/recipient-key'
import { EXIT } from '../../cli/cli-io.ts'
import { buildProgram } from '../../cli/program.ts'
import { recordingIo } from '../../cli/recordings/terminal-os.ts'
import { statusText } from '../../cli/render.ts'

const STATUS = {
  version: '1',
  state: 'connected',
  connections: 2,
  openFlows: 0,
  proxy: { host: '127.0.0.1', port: 1080, pacUrl: 'http://127.0.0.1:1080/proxy.pac' },
  refusedOtherUsers: 0,
  domains: ['corp.internal'],
  prefixes: [],
  sshHostAuthorities: ['ssh-ed25519 AAAA'],
  posture: [
    {
      name: 'agent',
      kind: 'file',
      lookAt: ['/etc/agent'],
      result: 'failed',
      detail: 'The file is not there.',
      observedAt: '2026-11-21T00:00:00.000Z',
      found: { kind: 'file', exists: false },
    },
  ],
  prompts: [],
} as const

const SECRET = newServiceSecret()
const TOKEN = {
  id: newServiceId(),
  name: 'backup',
  state: 'active',
  expiresAt: '2027-11-21T00:00:00.000Z',
} as const

const REQUEST = {
  ...{ id: 'a/b', kind: 'approval', state: 'approved', application: 'wiki', user: 'ann@x.org' },
  ...{ purpose: 'ticket 7', requestedAt: '2026-11-21T00:00:00.000Z' },
  until: '2026-11-21T01:00:00.000Z',
}
const PROMPT = {
  promptId: 'p'.repeat(22),
  application: 'database',
  host: 'db1.corp.internal',
  port: 22,
  remedy: 'login',
  url: 'https://login.example.com/prompt/pp',
  reason: 'session_expired',
  expiresAtMs: Date.parse('2026-01-02T03:04:05'),
} as const
const LINE =
  'log in at https://login.example.com/prompt/pp to reach database (waits until 03:04:05)'
const GONE = { code: 'daemon_not_running', message: 'No daemon.', exitCode: EXIT.noDaemon }

const RECORDING = {
  ...{ id: 'r-inner', startedAt: '2026-11-21T00:00:00.000Z', user: 'ann@x.org', unixUser: 'root' },
  ...{ target: 'db:22', state: 'complete', sizeBytes: 7, parent: 'r-outer' },
}

/** What the admin API answers, by path. */
const ANSWERS: Readonly<Record<string, unknown>> = {
  '/api/v1/service-tokens': { serviceTokens: [TOKEN] },
  '/api/v1/recordings?limit=100': { recordings: [RECORDING, { ...RECORDING, id: 'r-outer' }] },
  '/api/v1/recordings?limit=5&parent=r-outer': { recordings: [RECORDING] },
  '/api/v1/recordings?limit=100&parent=none': { recordings: [] },
  '/api/v1/recordings/r-inner': { recording: RECORDING },
  '/api/v1/devices': { devices: [{ id: 'd/1', name: 'laptop', user: null, revoked: true }] },
  '/api/v1/devices/d%2F1': {
    device: {
      id: 'd/1',
      posture: [
        {
          ...{ name: 'agent', kind: 'file', passed: false, detail: 'The file is not there.' },
          found: { kind: 'file', exists: false },
        },
      ],
    },
  },
}

/** A program whose Io records what it was asked to do. */
function zt(
  events: readonly WatchEvent[] = [],
  hasDesktop = true,
  gatewayTold = true,
  daemonStatus: DaemonStatus = STATUS,
) {
  const asked: ControlRequest[] = []
  const printed: string[] = []
  const ssh: string[][] = []
  const inside: unknown[][] = []
  const posted: unknown[] = []
  const written: string[] = []
  const notified: string[][] = []
  let code = -1
  const program = buildProgram(
    () => ({
      print: (line) => printed.push(line),
      warn: (line) => printed.push(line),
      askSecretLine: async () => '0000-AAAA-BBBB-CCCC',
      askDaemon: async (request) => {
        asked.push(request)
        switch (request.method) {
          case 'explain': {
            const { host, port } = request
            const verdict = {
              verdict: 'denial',
              reason: 'no_application',
              sentence: 'No.',
            } as const
            return ok({ method: 'explain', explanation: { host, port, ...verdict, steps: [] } })
          }
          case 'apps':
            return ok({ method: 'apps', applications: [] })
          case 'settings':
            return ok({
              method: 'settings',
              settings: [{ name: 'dns', value: null, source: 'file' }],
            })
          case 'prompts':
            return ok({ method: 'prompts', prompts: [PROMPT] })
          case 'watch':
          case 'ssh_certificate':
            return ok({ method: 'watch' })
          case 'doctor':
            return ok({ method: 'doctor', report: { findings: [] } })
          case 'logout':
            return ok({ method: 'logout', status: STATUS, gatewayTold })
          default:
            return ok({ method: request.method, status: daemonStatus })
        }
      },
      writeFile: () => ok(undefined),
      agentSocket: undefined,
      addToAgent: async () => err({ reason: 'agent_unreachable' }),
      watchDaemon: async (onEvent, signal) => {
        for (const event of events) onEvent(event)
        await new Promise((resolve) => setImmediate(resolve))
        return signal.aborted ? ok(undefined) : err(GONE)
      },
      notifyDesktop: async (...texts) => {
        notified.push(texts)
        return hasDesktop
      },
      admin: {
        getJson: async (path) =>
          Object.hasOwn(ANSWERS, path)
            ? ok(ANSWERS[path])
            : err({ code: 'no_admin_url', message: 'none', exitCode: EXIT.usage }),
        postJson: async (path, body) => {
          posted.push([path, body])
          return ok({
            ...{ cutFlows: 2, serviceToken: TOKEN, secret: SECRET },
            accessRequest: REQUEST,
            device: { id: 'd/1', name: 'laptop', user: 'ann@x.org', revoked: true },
            ...{ code: '0000-AAAA-BBBB-CCCC', endsAt: '2026-11-21T13:00:00.000Z' },
          })
        },
        getBytes: async () => err({ code: 'no_admin_url', message: 'none', exitCode: EXIT.usage }),
        lines: async () => err({ code: 'no_admin_url', message: 'none', exitCode: EXIT.usage }),
      },
      serviceTokenFile: undefined,
      secrets: {
        read: async (path) => (path === 'token' ? ok(CREDENTIALS) : ok('{}')),
        replace: () => ok(undefined),
        create: (path) =>
          path === 'taken'
            ? err({ code: 'token_file_not_made', message: 'taken', exitCode: EXIT.usage })
            : ok({
                keep: (text) => written.push(`${path} ${text}`),
                discard: () => written.push(`${path} discarded`),
              }),
      },
      now: () => Date.UTC(2026, 10, 21),
      doctorAlone: async () => err(GONE),
      writeArchive: () => ok(undefined),
      readText: (path) => ok(`text of ${path}`),
      selfArgv: ['zt'],
      hasSocksNetcat: async () => true,
      runSsh: async (argv, knownHosts) => {
        ssh.push([...argv('/known'), knownHosts])
        return argv('/known').includes('denied.corp') ? 255 : 42
      },
      runInside: async (argv, options) => {
        inside.push([...argv, options])
        return ok(7)
      },
      controlPath: '/control.sock',
      keepKnownHosts: () => '/known',
      connect: async (_proxy, { host }) =>
        host === 'denied.corp'
          ? err({ code: 'connect_refused', message: 'NotAllowed', exitCode: EXIT.denied })
          : ok(undefined),
      ...recordingIo,
    }),
    (exitCode) => {
      code = exitCode
    },
  )
  const run = async (...args: string[]): Promise<number> => {
    await program.parseAsync(['node', 'zt', ...args])
    return code
  }
  return { run, asked, printed, posted, written, notified, ssh, inside, program }
}

test('D11 every command stands in docs/reference/cli.md with its own words', (t) => {
  const text = readFileSync('docs/reference/cli.md', 'utf8')
  for (const command of zt().program.commands) {
    t.true(text.includes(`| \`zt ${command.name()}\` | ${command.description()} |`), command.name())
  }
})

/** Commands that are no groups, with the words that name them. */
function leavesOf(command: Command, words: readonly string[]): (readonly [string, Command])[] {
  if (command.commands.length === 0) return [[words.join(' '), command]]
  return command.commands.flatMap((one) => leavesOf(one, [...words, one.name()]))
}

function helpOf(command: Command): string {
  const help: string[] = []
  command.configureOutput({ writeOut: (text) => help.push(text) }).outputHelp()
  return help.join('')
}

test('D11 the help of every command has an example that calls it', (t) => {
  for (const [words, command] of leavesOf(zt().program, ['zt']))
    t.regex(helpOf(command), new RegExp(`\nExamples?:\n  \\$ .*${words}`), words)
})

/** Their standard output is a stream, or a file made by somebody else's format. */
const WITHOUT_JSON = [
  'zt run',
  'zt ssh',
  'zt connect',
  'zt recordings play',
  'zt recordings bundle',
  'zt admin ssh-sessions watch',
  'zt admin ssh-ca show',
  'zt admin ssh-ca krl',
  'zt admin ssh-ca sign-host',
  'zt admin ssh-ca host-setup',
  'zt admin audit export',
]
test('D11 every command prints JSON on request, but those that print a stream or write a file', (t) => {
  const without = leavesOf(zt().program, ['zt'])
    .filter(([, command]) => !command.options.some((option) => option.long === '--json'))
    .map(([words]) => words)
  t.deepEqual(without, WITHOUT_JSON)
})

test('D11 status prints JSON on request and ends with 0 while data passes', async (t) => {
  const { run, printed } = zt()
  t.is(await run('status', '--json'), EXIT.ok)
  t.like(JSON.parse(printed[0] ?? ''), { state: 'connected', domains: ['corp.internal'] })
})

test('D6 run passes the program, its options and its exit code through', async (t) => {
  const { run, inside } = zt()
  t.is(await run('run', '--only-private', 'curl', '-sS', '--', 'http://wiki/'), 7)
  t.is(await run('run', '--', 'sh', '-c', 'exit 1'), 7)
  const controlPath = '/control.sock'
  t.deepEqual(inside, [
    ['curl', '-sS', '--', 'http://wiki/', { controlPath, onlyPrivate: true }],
    ['sh', '-c', 'exit 1', { controlPath, onlyPrivate: false }],
  ])
})

test('D7 logout says when the gateway could not be told, and is done all the same', async (t) => {
  const told = zt()
  t.is(await told.run('logout'), EXIT.ok)
  t.notRegex(told.printed.join('\n'), /gateway_not_told/)
  t.is(await told.run('logout', '--json'), EXIT.ok)
  t.like(JSON.parse(told.printed[1] ?? ''), { state: 'connected', gatewayTold: true })
  const { run, printed } = zt([], true, false)
  t.is(await run('logout', '--json'), EXIT.ok)
  t.like(JSON.parse(printed[0] ?? ''), { gatewayTold: false })
  t.regex(printed[1] ?? '', /^zt: .*registered.* \(gateway_not_told\)$/)
})

test('D10 posture lists what this device tells, status what came of it', async (t) => {
  const { run, printed } = zt()
  t.is(await run('posture'), EXIT.ok)
  t.regex(printed.join('\n'), /agent.*\/etc\/agent.*"exists":false.*failed/)
  t.is(await run('posture', '--json'), EXIT.ok)
  t.like(JSON.parse(printed[1] ?? ''), [{ name: 'agent', result: 'failed' }])
  t.is(await run('status'), EXIT.ok)
  t.regex(printed[2] ?? '', /posture +agent failed: The file is not there\. \(seen 2026/)
})

test('D10 admin devices lists devices, and what one said of itself', async (t) => {
  const { run, printed } = zt()
  t.is(await run('admin', 'devices', 'list'), EXIT.ok)
  t.regex(printed[0] ?? '', /d\/1.*laptop.*revoked/)
  t.is(await run('admin', 'devices', 'posture', 'd/1'), EXIT.ok)
  t.regex(printed[1] ?? '', /agent.*failed: The file is not there\..*"exists":false/)
  t.is(await run('admin', 'devices', 'posture', 'd/1', '--json'), EXIT.ok)
  t.like(JSON.parse(printed[2] ?? ''), [{ name: 'agent', passed: false }])
  t.not(await run('admin', 'devices', 'posture', 'nobody'), EXIT.ok)
})

test('D7 admin devices revoke names the device that is gone', async (t) => {
  const { run, printed, posted } = zt()
  t.is(await run('admin', 'devices', 'revoke', 'd/1'), EXIT.ok)
  t.deepEqual(posted, [['/api/v1/devices/d%2F1/revoke', {}]])
  t.deepEqual(printed, ['revoked: laptop, of ann@x.org'])
})

test('S8 a file that is not there is not asked for at the gateway', async (t) => {
  const { run, printed } = zt()
  t.is(await run('recordings', 'verify', './nothing.ztrec'), EXIT.failed)
  t.regex(printed[0] ?? '', /nothing\.ztrec is no file.*\(no_such_file\)$/)
})

test('S1 ssh-config prints JSON on request', async (t) => {
  const { run, printed } = zt()
  t.is(await run('ssh-config', '--json'), EXIT.ok)
  t.like(JSON.parse(printed[0] ?? ''), { domains: ['corp.internal'], knownHostsFile: '/known' })
  t.regex(JSON.parse(printed[0] ?? '').config, /^Host corp\.internal \*\.corp\.internal$/m)
})

test('D13 admin devices override makes a code, for as long as is asked', async (t) => {
  const { run, printed, posted } = zt()
  t.is(await run('admin', 'devices', 'override', 'd/1', '--for', '90m'), EXIT.ok)
  t.deepEqual(posted, [['/api/v1/devices/d%2F1/override', { seconds: 5400 }]])
  t.regex(printed[0] ?? '', /^0000-AAAA-BBBB-CCCC\ngood until 2026-11-21T13.*"zt override"$/)
  t.is(await run('admin', 'devices', 'override', 'd/1', '--for', 'long'), EXIT.usage)
})

test('D13 override hands the code to the daemon', async (t) => {
  const { run, asked, program } = zt()
  await run('override')
  t.deepEqual(asked, [{ method: 'override', code: '0000-AAAA-BBBB-CCCC' }])
  program.commands.find((one) => one.name() === 'override')?.configureOutput({ writeErr: () => {} })
  await t.throwsAsync(run('override', '0000-AAAA-BBBB-CCCC'), { message: /too many arguments/ })
  t.is(asked.length, 1, 'nothing that others saw is taken')
})

test('D13 portal open and close ask the daemon, and status says what there is', async (t) => {
  const { run, asked } = zt()
  await run('portal', 'open')
  await run('portal', 'close')
  t.deepEqual(asked, [
    { method: 'portal', open: true },
    { method: 'portal', open: false },
  ])
  const lineOf = (portal: DaemonStatus['portal']): string | undefined =>
    statusText({ ...STATUS, ...(portal && { portal }) })
      .split('\n')
      .find((line) => line.startsWith('portal'))
  t.is(lineOf(undefined), undefined)
  const host = 'p\u001b.hotel'
  t.is(lineOf({ host, state: 'reachable' })?.slice(15), 'captive portal at p?.hotel: log in there')
  t.regex(lineOf({ host, state: 'blocked' }) ?? '', /"zt portal open" lets you log in there/)
  t.regex(
    lineOf({ host, state: 'blocked', obstacle: 'portal_is_ours' }) ?? '',
    /\(portal_is_ours\)$/,
  )
  t.regex(lineOf({ host, state: 'open', openUntil: 'T' }) ?? '', /open until T, log in there$/)
})

test('S7 recordings are listed with the session that they went on inside of', async (t) => {
  const { run, printed } = zt()
  t.is(await run('recordings', 'list'), EXIT.ok)
  t.regex(printed[0] ?? '', / inside [\s\S]* r-inner .* r-outer /)
  t.is(await run('recordings', 'list', '--json', '--limit', '5', '--inside', 'r-outer'), EXIT.ok)
  t.deepEqual(JSON.parse(printed[1] ?? ''), [RECORDING])
  t.is(await run('recordings', 'list', '--json', '--outermost'), EXIT.ok)
  t.is(printed[2], '[]')
  t.is(await run('recordings', 'show', 'r-inner'), EXIT.ok)
  t.deepEqual(JSON.parse(printed[3] ?? ''), RECORDING)
  t.is(await run('recordings', 'show', 'r-inner', '--json'), EXIT.ok)
  t.is(printed[4], JSON.stringify(RECORDING))
  t.not(await run('recordings', 'show', 'nobody'), EXIT.ok)
  t.is(await run('recordings', 'list', '--inside', 'r-outer', '--outermost'), EXIT.usage)
})

for (const args of [['ns.corp', '53', '--udp'], ['ns.corp:53/udp']]) {
  test(`D12 G4 explain asks about UDP: ${args.join(' ')}`, async (t) => {
    const { run, asked } = zt()
    await run('explain', ...args)
    const to = { host: 'ns.corp', port: 53, transport: 'udp' }
    t.deepEqual(asked, [{ method: 'explain', ...to }] as never)
  })
}

test('D12 G4 explain asks about ping', async (t) => {
  const { run, asked } = zt()
  await run('explain', 'fd00::1', '--icmp')
  const to = { host: 'fd00::1', port: 0, transport: 'icmp' }
  t.deepEqual(asked, [{ method: 'explain', ...to }] as never)
})

for (const args of [['ssh', 'db1.corp.internal'], ['ssh-config']]) {
  test(`D7 ${args.join(' ')} says when this device is not enrolled`, async (t) => {
    const fresh = { ...STATUS, state: 'not_enrolled', sshHostAuthorities: [] } as const
    const { run, printed, ssh } = zt([], true, true, fresh)
    t.is(await run(...args), EXIT.notEnrolled)
    t.regex(printed.join(), /"zt enroll URL"\. \(not_enrolled\)$/)
    t.deepEqual(ssh, [])
  })
}

for (const [args, port, code] of [
  [['ssh', '-p', '2222', 'denied.corp'], 2222, 255],
  [['connect', 'denied.corp', '80'], 80, EXIT.denied],
] as const) {
  test(`D12 ${args.join(' ')} says why there is no connection, as explain does`, async (t) => {
    const { run, asked, printed } = zt()
    t.is(await run(...args), code)
    t.deepEqual(asked.at(-1), { method: 'explain', host: 'denied.corp', port })
    t.deepEqual(printed, [`zt: denied.corp:${port}: No. (no_application)`])
  })
}

test('D12 explain ends with 4 for a denial', async (t) => {
  const { run, asked, printed } = zt()
  t.is(await run('explain', 'DB1.corp.internal', '22'), EXIT.denied)
  t.deepEqual(asked, [{ method: 'explain', host: 'db1.corp.internal', port: 22 }])
  t.regex(printed.join('\n'), /no_application/)
})

for (const [args, path, body] of [
  [['--user', 'ann@example.com'], 'revoke', { user: 'ann@example.com' }],
  [['--application', 'wiki'], 'revoke', { application: 'wiki' }],
  [['a/b'], 'a%2Fb/revoke', {}],
] as const) {
  test(`A5 admin sessions revoke ${args.join(' ')} ends them and says how many flows`, async (t) => {
    const { run, posted, printed } = zt()
    t.is(await run('admin', 'sessions', 'revoke', ...args), EXIT.ok)
    t.deepEqual(posted, [[`/api/v1/sessions/${path}`, body]])
    t.deepEqual(printed, ['revoked; 2 live flows ended'])
  })
}

for (const verb of ['approve', 'deny']) {
  test(`A10 admin requests ${verb} names the approver and says what became of it`, async (t) => {
    const { run, posted, printed } = zt()
    t.is(await run('admin', 'requests', verb, 'a/b', '--as', 'lea@x.org'), EXIT.ok)
    const path = `/api/v1/access-requests/a%2Fb/${verb}`
    t.deepEqual(posted, [[path, { approver: 'lea@x.org' }]])
    t.deepEqual(printed, ['approved until 2026-11-21T01:00:00.000Z'])
  })
}

for (const args of [[], ['id', '--user', 'a@b.org'], ['--user', 'a@b.org', '--device', 'd']]) {
  test(`A5 admin sessions revoke ${args.join(' ')} is refused: whose is not clear`, async (t) => {
    const { run, posted } = zt()
    t.is(await run('admin', 'sessions', 'revoke', ...args), EXIT.usage)
    t.deepEqual(posted, [])
  })
}

const CREDENTIALS = encodeServiceCredentials({ id: TOKEN.id, secret: SECRET })

test('A11 a service token is printed once, or kept in a new file and not printed', async (t) => {
  const shown = zt()
  t.is(await shown.run('admin', 'service-tokens', 'create', 'backup', '--expires', '1d'), EXIT.ok)
  t.is(shown.printed.at(-1), CREDENTIALS)
  t.deepEqual(shown.posted, [
    ['/api/v1/service-tokens', { name: 'backup', lifetimeSeconds: 86400 }],
  ])
  const { run, printed, written, posted } = zt()
  const rotate = ['admin', 'service-tokens', 'rotate', 'backup', '--grace', '24h', '--out', 'f']
  t.is(await run(...rotate), EXIT.ok)
  t.deepEqual(posted, [[`/api/v1/service-tokens/${TOKEN.id}/rotate`, { graceSeconds: 86400 }]])
  t.deepEqual(written, [`f ${CREDENTIALS}`])
  t.notRegex(printed.join(), /ztsvc_/)
})

test('A11 no service token is made where its secret cannot be kept', async (t) => {
  const { run, posted, printed } = zt()
  t.is(await run('admin', 'service-tokens', 'create', 'backup', '--out', 'taken'), EXIT.usage)
  t.is(await run('admin', 'service-tokens', 'create', 'backup', '--expires', 'soon'), EXIT.usage)
  t.regex(printed.at(-1) ?? '', /\(bad_duration\)$/)
  t.is(await run('admin', 'service-tokens', 'rotate', 'backup', '--grace', '-1d'), EXIT.usage)
  t.regex(printed.at(-1) ?? '', /\(bad_duration\)$/)
  t.deepEqual(posted, [])
})

test('A11 enroll takes a service token from a file, never from an argument, and refuses half of one', async (t) => {
  const { run, asked, printed } = zt()
  const url = 'https://login.example.com'
  await run('enroll', url, '--service-token-file', 'token')
  const serviceToken = JSON.parse(CREDENTIALS)
  t.deepEqual(asked, [{ method: 'enroll', url, serviceToken }])
  t.is(await run('enroll', url, '--service-token-file', 'other'), EXIT.usage)
  t.is(asked.length, 1)
  t.notRegex(printed.join(), /ztsvc_/)
})

test('A11 a service token is listed, and disabled by its name', async (t) => {
  const { run, posted, printed } = zt()
  t.is(await run('admin', 'service-tokens', 'list'), EXIT.ok)
  t.regex(printed[0] ?? '', /backup[\s\S]*2027-11-21/)
  t.is(await run('admin', 'service-tokens', 'disable', 'backup'), EXIT.ok)
  t.deepEqual(posted, [[`/api/v1/service-tokens/${TOKEN.id}/disable`, {}]])
  t.is(await run('admin', 'service-tokens', 'disable', 'nobody'), EXIT.failed)
})

for (const args of [
  ['explain', 'a b', '22'],
  ['explain', 'db1', '0'],
  ['explain', 'db1', '22', '--icmp'],
  ['explain', 'db1', '--icmp', '--udp'],
  ['explain', 'db1:22', '--icmp'],
  ['connect', 'db1', '70000'],
  ['ssh', '-v'],
]) {
  test(`D11 refuses ${JSON.stringify(args)} before the daemon is asked`, async (t) => {
    const { run, asked } = zt()
    t.is(await run(...args), EXIT.usage)
    t.deepEqual(asked, [])
  })
}

test('S1 ssh ends with the exit code of ssh and trusts the host CA only', async (t) => {
  const { run, ssh } = zt()
  t.is(await run('ssh', '-p', '2222', 'ann@db1.corp.internal', 'ls', '-l'), 42)
  const [argv = []] = ssh
  t.deepEqual(argv.slice(-4, -1), ['db1.corp.internal', 'ls', '-l'])
  t.regex(argv.at(-1) ?? '', /^@cert-authority db1\.corp\.internal,/)
})

test('S9 keygen makes a private key 0600 and a public line, and never overwrites', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zt-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'auditor.key')
  t.is(await zt().run('recordings', 'keygen', '--out', file), EXIT.ok)
  t.is(statSync(file).mode & 0o777, 0o600)
  t.true((await parseRecipient(readFileSync(`${file}.pub`, 'utf8').trim())).ok)
  const { run, printed } = zt()
  t.is(await run('recordings', 'keygen', '--out', file), EXIT.usage)
  t.regex(printed.join(), /never overwritten/)
})

test('S9 a key file that others can read is refused with the remedy', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zt-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'auditor.key')
  await zt().run('recordings', 'keygen', '--out', file)
  chmodSync(file, 0o644)
  const { run, printed } = zt()
  t.is(await run('recordings', 'play', 'some-id', '--key', file), EXIT.usage)
  t.regex(printed.join(), /chmod 600/)
})

for (const args of [
  ['recordings', 'export', 'x', '--key', 'k', '--format', 'mp4'],
  ['recordings', 'play', 'x', '--key', 'k', '--speed', '0'],
  ['recordings', 'play', 'x'],
  ['nothing'],
]) {
  test(`D11 refuses ${JSON.stringify(args)} as wrong usage`, async (t) => {
    const { program } = zt()
    for (const command of [
      program,
      ...program.commands,
      ...program.commands.flatMap(({ commands }) => commands),
    ]) {
      command.configureOutput({ writeErr: () => {} })
    }
    await t.throwsAsync(program.parseAsync(['node', 'zt', ...args]), { name: 'CommanderError' })
  })
}

test('D9 prompts lists what waits, as text and as JSON', async (t) => {
  const { run, printed } = zt()
  t.is(await run('prompts'), EXIT.ok)
  t.is(await run('prompts', '--json'), EXIT.ok)
  t.deepEqual(printed, [LINE, JSON.stringify([PROMPT])])
})

const ASKED: WatchEvent = { kind: 'prompt', prompt: PROMPT }
const EVENTS: readonly WatchEvent[] = [
  ASKED,
  { kind: 'prompt', prompt: { ...PROMPT, host: 'db2.corp.internal' } },
  { kind: 'prompt_ended', promptId: PROMPT.promptId, outcome: 'satisfied' },
  { kind: 'notice', reason: 'session_expired', sentence: 'It was ended.\u001b[2J' },
]

test('D9 prompts --watch says each prompt once, how it ended, and what was cut; then that the daemon is gone', async (t) => {
  const { run, printed, notified } = zt(EVENTS)
  t.is(await run('prompts', '--watch'), EXIT.noDaemon)
  t.deepEqual(printed, [
    LINE,
    'database: the connection goes on',
    'It was ended.?[2J (session_expired)',
    'zt: No daemon. (daemon_not_running)',
  ])
  t.deepEqual(notified, [
    ['A connection waits for you', LINE],
    ['A message of the gateway', 'It was ended.?[2J (session_expired)'],
  ])
})

test('D9 prompts --watch --json passes every event on; --no-notify raises nothing', async (t) => {
  const { run, printed, notified } = zt(EVENTS)
  t.is(await run('prompts', '--watch', '--json', '--no-notify'), EXIT.noDaemon)
  t.deepEqual(
    printed.slice(0, -1).map((line) => JSON.parse(line)),
    EVENTS,
  )
  t.deepEqual(notified, [])
})

test('D9 without a desktop --watch goes on; with --notify it fails', async (t) => {
  t.is(await zt(EVENTS, false).run('prompts', '--watch'), EXIT.noDaemon)
  const { run, printed } = zt(EVENTS, false)
  t.is(await run('prompts', '--watch', '--notify'), EXIT.failed)
  t.regex(printed.at(-1) ?? '', /no_notifications/)
})

test('D9 connect and ssh say once what their own connection waits for; status what all wait for', async (t) => {
  const other: WatchEvent = {
    kind: 'prompt',
    prompt: { ...PROMPT, host: 'db2.corp.internal', promptId: 'q'.repeat(22) },
  }
  const events = [other, ASKED, ASKED]
  const connect = zt(events)
  t.is(await connect.run('connect', 'DB1.corp.internal', '22'), EXIT.ok)
  t.deepEqual(connect.printed, [`zt: ${LINE}`])
  const ssh = zt(events)
  t.is(await ssh.run('ssh', 'db1.corp.internal'), 42)
  t.deepEqual(ssh.printed, [`zt: ${LINE}`])
  const elsewhere = zt(events)
  await elsewhere.run('connect', 'db1.corp.internal', '23')
  t.deepEqual(elsewhere.printed, [])
})

test('D11 settings lists each with its value and its origin', async (t) => {
  const { run, printed } = zt()
  t.is(await run('settings'), EXIT.ok)
  t.regex(printed[0] ?? '', /dns.*\(none\).*file/)
  t.is(await run('settings', '--json'), EXIT.ok)
  t.deepEqual(JSON.parse(printed[1] ?? ''), [{ name: 'dns', value: null, source: 'file' }])
})
