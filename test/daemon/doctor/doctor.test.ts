import { existsSync, readFileSync, statSync } from 'node:fs'
import http, { type RequestListener } from 'node:http'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Finding } from '#lib/api/doctor-api'
import type { DeviceSettings } from '#lib/wire/control-message'
import { issue, makeCa, type TestCa } from '../../support/certificates.ts'
import {
  freshFolder,
  type RigOptions,
  registrationOf,
  SETTINGS,
  startDaemonRig,
  startGatewayFor,
} from '../../support/daemon-rig.ts'
import { startHttps } from '../../support/https-target.ts'
import { runProgram } from '../../support/run-program.ts'

const ZT = [process.execPath, 'dist/cli/main.js']

/** A login origin that an authority vouches for. */
async function startLogin(t: ExecutionContext, ca: TestCa, answer: RequestListener) {
  const names = [{ type: 'ip', value: '127.0.0.1' }] as const
  const { certificate, key } = await issue(ca, { names: [...names], usage: 'serverAuth' })
  const login = await startHttps({ certPem: certificate, keyPem: key }, answer)
  t.teardown(login.close)
  return login.url
}

/** An enrolled daemon, and the login origin as `answer` has it. */
async function startEnrolled(
  t: ExecutionContext,
  change: {
    loginCa?: TestCa
    answer?: RequestListener
    loginUrl?: string
    settings?: DeviceSettings
    rig?: RigOptions
  } = {},
) {
  const settings = (): DeviceSettings => change.settings ?? SETTINGS
  const gateway = await startGatewayFor(t, 1, {}, { settings })
  const { gatewayCa } = gateway
  const known: RequestListener = (_request, response) => response.end(gatewayCa.pem)
  const ca = change.loginCa ?? gatewayCa
  const loginUrl = change.loginUrl ?? (await startLogin(t, ca, change.answer ?? known))
  const registration = {
    ...registrationOf(gateway, await gateway.enrol()),
    loginUrl,
    loginCa: gatewayCa.pem,
  }
  const rig = await startDaemonRig(t, { registration, ...change.rig })
  const find = async (): Promise<ReadonlyMap<string, Finding>> => {
    const reply = await rig.ask({ method: 'doctor' })
    if (reply.type !== 'result' || reply.value.method !== 'doctor') throw new Error('no report')
    return new Map(reply.value.report.findings.map((one) => [one.check, one]))
  }
  return { ...rig, find, registration }
}

const codeOf = (found: ReadonlyMap<string, Finding>, check: string) => found.get(check)?.code

test('D11 T106: an enrolled device whose gateway answers has no problem on the way to it', async (t) => {
  const { find, until } = await startEnrolled(t)
  await until(({ state }) => state === 'connected')
  const found = await find()
  const codes = ['daemon', 'tunnel', 'certificate', 'gateway', 'clock', 'captive_portal']
  t.deepEqual(
    [...codes, 'upstream_proxy', 'mtu'].map((check) => codeOf(found, check)),
    [
      ...['daemon_running', 'tunnel_carries_data', 'certificate_valid', 'gateway_reached'],
      ...['clock_right', 'no_portal', 'no_upstream_proxy', 'mtu_fits'],
    ],
  )
  t.regex(found.get('mtu')?.detail ?? '', /^[0-9]+ octets on lo$/)
})

test('the range of synthetic addresses that is looked at is the one in force', async (t) => {
  const synthetic = { v4: '100.112.64.0/18' }
  const { find, until } = await startEnrolled(t, { settings: { ...SETTINGS, synthetic } })
  await until(({ domains }) => domains.length > 0)
  t.regex((await find()).get('synthetic_range')?.detail ?? '', /^100\.112\.64\.0\/18, fdb4:/)
})

test('T106: a clock that differs from the gateway by an hour is a problem, with its bounds', async (t) => {
  const answer: RequestListener = (_request, response) => {
    response.setHeader('date', new Date(Date.now() + 3_600_000).toUTCString()).end('x')
  }
  const { find } = await startEnrolled(t, { answer })
  const askedAtMs = Date.now()
  const found = await find()
  const tookS = (Date.now() - askedAtMs) / 1000
  t.like(found.get('clock'), { code: 'clock_wrong', verdict: 'problem' })
  const detail = found.get('clock')?.detail ?? ''
  const bounds = /between ([0-9.]+) s and ([0-9.]+) s ahead/.exec(detail)?.slice(1).map(Number)
  const [from = Number.NaN, to = Number.NaN] = bounds ?? []
  t.true(from <= 3_600 && to >= 3_600, detail)
  // The exchange, the second that a Date header says, and what printing rounds.
  t.true(to - from <= tookS + 1 + 0.1, detail)
  t.is(codeOf(found, 'captive_portal'), 'login_answers_otherwise')
})

test('T106: somebody else over TLS is a portal; where it sends us we do not go', async (t) => {
  const followed: string[] = []
  const portal = http.createServer((request, response) => {
    followed.push(request.url ?? '')
    response.end()
  })
  await new Promise<void>((resolve) => portal.listen(0, '127.0.0.1', resolve))
  t.teardown(() => portal.close())
  const { port } = portal.address() as { port: number }
  const { find } = await startEnrolled(t, {
    loginCa: await makeCa('hotel'),
    answer: (_request, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${port}/pay` }).end()
    },
  })
  const found = await find()
  t.like(found.get('captive_portal'), { code: 'portal_suspected', verdict: 'problem' })
  t.regex(found.get('captive_portal')?.detail ?? '', new RegExp(`302, sends to 127.0.0.1:${port}`))
  t.is(codeOf(found, 'clock'), 'clock_unknown')
  t.deepEqual(followed, [])
})

test('T106: somebody who answers plain HTTP where TLS is closed is a portal', async (t) => {
  // An address of its own, since the port is not ours to choose.
  const host = `127.77.${(process.pid >> 8) & 255}.${process.pid & 255 || 1}`
  const portal = http.createServer((_request, response) => response.writeHead(511).end())
  await new Promise<void>((resolve) => portal.listen(80, host, resolve))
  t.teardown(() => portal.close())
  const { find } = await startEnrolled(t, { loginUrl: `https://${host}:1` })
  t.like((await find()).get('captive_portal'), { code: 'portal_suspected', detail: 'status 511' })
})

test('T106: a proxy that asks for a password is named, without what it was given', async (t) => {
  const proxy = http.createServer()
  proxy.on('connect', (_request, client) => {
    client.on('error', () => {}).end('HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n')
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  const { port } = proxy.address() as { port: number }
  const upstreamProxy = `http://me:hunter2@127.0.0.1:${port}`
  const { find } = await startEnrolled(t, { rig: { config: { upstreamProxy } } })
  const found = await find()
  t.like(found.get('upstream_proxy'), {
    code: 'upstream_asks_password',
    detail: `http://***@127.0.0.1:${port}`,
  })
  t.notRegex(JSON.stringify([...found.values()]), /hunter2/)
})

test('D11 T101: zt doctor --bundle writes a file of its caller, and never over another', async (t) => {
  const { config, registration, until } = await startEnrolled(t)
  await until(({ state }) => state === 'connected')
  const folder = freshFolder(t)
  const file = join(folder, 'report.tar.gz')
  const doctor = [...ZT, '--control', config.controlPath, 'doctor', '--bundle', file]
  const first = await runProgram(doctor)
  t.is(first.code, 0, first.stdout + first.stderr)
  t.regex(first.stdout, /^ok +gateway +The gateway answers, .*\(gateway_reached\)$/m)
  t.is(statSync(file).mode & 0o777, 0o600)
  const listed = await runProgram(['tar', '-tzf', file])
  t.deepEqual(listed.stdout.trim().split('\n'), [
    ...['readme.txt', 'findings.json', 'versions.json', 'settings.json', 'status.json'],
    ...['machine.json', 'log.jsonl'],
  ])
  const all = (await runProgram(['tar', '-xzOf', file])).stdout
  const [, secret = ''] = registration.key.split('\n')
  for (const text of [secret, 'demo@', registration.gatewayCa.split('\n')[1] ?? '']) {
    t.true(text.length > 4)
    t.false(all.includes(text))
  }
  const before = readFileSync(file)
  t.is((await runProgram(doctor)).code, 2)
  t.deepEqual(readFileSync(file), before)
  t.is((await runProgram([...doctor, '--force'])).code, 0)
  t.is((await runProgram([...doctor, join(folder, 'none', 'x')])).code, 2)
})

test('D11 T106: without a daemon zt looks itself, and says so first', async (t) => {
  const folder = freshFolder(t)
  const control = join(folder, 'none.sock')
  const argv = ['env', `XDG_STATE_HOME=${folder}`, ...ZT, '--control', control, 'doctor', '--json']
  const { code, stdout } = await runProgram(argv)
  t.is(code, 1)
  const { findings } = JSON.parse(stdout) as { findings: Finding[] }
  t.like(findings[0], { check: 'daemon', verdict: 'problem', code: 'daemon_not_running' })
  t.is(findings.find(({ check }) => check === 'tunnel')?.code, 'tunnel_unknown')
  t.false(existsSync(control))
})
