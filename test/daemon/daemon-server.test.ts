import { X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import net, { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { makeOverrideCode } from '#lib/enrol/override-code'
import { newServiceSecret } from '#lib/enrol/service-credentials'
import { startDaemon } from '../../daemon/daemon-server.ts'
import { identityStoreIn } from '../../daemon/enrol/identity-store.ts'
import { issueDevice, newKeys } from '../support/certificates.ts'
import {
  askControl,
  configIn,
  freshFolder,
  registrationOf,
  SETTINGS,
  startDaemonRig,
  startGatewayFor,
  startWeb,
  surroundings,
} from '../support/daemon-rig.ts'
import { startFreezableWire } from '../support/freezable-wire.ts'
import { completeLogin } from '../support/idp.ts'
import { ALICE, BOB, startLoginRig } from '../support/login-rig.ts'
import { asNobody, runProgram } from '../support/run-program.ts'

const HOUR_MS = 3_600_000
const curl = (...args: string[]) => runProgram(['curl', '-sS', '-m', '45', ...args])

test('D1 D8: curl reaches a private target through daemon and tunnel, in every way', async (t) => {
  const web = await startWeb(t)
  const gateway = await startGatewayFor(t, web.port)
  const registration = registrationOf(gateway, await gateway.enrol())
  const { proxy, until } = await startDaemonRig(t, { registration })
  const status = await until(({ state, domains }) => state === 'connected' && domains.length > 0)
  t.deepEqual(status.domains, SETTINGS.domains)
  t.is(status.userEmail, 'demo@example.com')
  t.true(Date.now() - Date.parse(status.lastHeardAt ?? '') < 10_000)

  const ways = [
    ['--socks5-hostname', proxy],
    ['--socks4a', proxy],
    ['--proxy', `http://${proxy}`],
    ['-p', '--proxy', `http://${proxy}`],
  ]
  for (const way of ways) {
    t.is((await curl(...way, 'http://wiki.corp.internal/a')).stdout, 'page /a')
  }
  t.deepEqual(gateway.authorities, Array(4).fill('wiki.corp.internal:80'))
  t.is((await curl('--socks5', proxy, 'http://10.1.2.3:81/')).stdout, 'page /')
  t.is(gateway.authorities.at(-1), '10.1.2.3:81')

  const denied = await curl('-i', '--proxy', `http://${proxy}`, 'http://denied.corp.internal/')
  t.regex(denied.stdout, /^HTTP\/1.1 403/)
  t.regex(denied.stdout, /reason: no_application/)
  t.is((await curl('--socks5-hostname', proxy, 'http://denied.corp.internal/')).code, 97)
})

test('D4: what is not ours goes directly, and the gateway hears nothing of it', async (t) => {
  const web = await startWeb(t)
  const gateway = await startGatewayFor(t, 1)
  const registration = {
    ...registrationOf(gateway, await gateway.enrol()),
    settings: SETTINGS_COPY,
  }
  const { proxy } = await startDaemonRig(t, { registration })
  const url = `http://localhost:${web.port}/direct`
  t.is((await curl('--socks5-hostname', proxy, url)).stdout, 'page /direct')
  t.is((await curl('--proxy', `http://${proxy}`, '--noproxy', '', url)).stdout, 'page /direct')
  t.deepEqual(gateway.authorities, [])
})
const SETTINGS_COPY = {
  ...SETTINGS,
  domains: [...SETTINGS.domains],
  prefixes: [...SETTINGS.prefixes],
  sshHostAuthorities: [],
}

test('D4: others are refused by the local setting', async (t) => {
  const web = await startWeb(t)
  const gateway = await startGatewayFor(t, web.port)
  const registration = {
    ...registrationOf(gateway, await gateway.enrol()),
    settings: SETTINGS_COPY,
  }
  const { proxy } = await startDaemonRig(t, { registration, config: { others: 'refuse' } })
  const url = `http://localhost:${web.port}/direct`
  const { stdout } = await curl('--proxy', `http://${proxy}`, '--noproxy', '', url)
  t.regex(stdout, /reason: others_refused/)
  t.deepEqual(web.asked, [])
})

test('D15: direct never dials our own port, by whatever name', async (t) => {
  const gateway = await startGatewayFor(t, 1)
  const registration = {
    ...registrationOf(gateway, await gateway.enrol()),
    settings: SETTINGS_COPY,
  }
  const { proxy, daemon } = await startDaemonRig(t, { registration })
  for (const host of [
    '127.0.0.1',
    'localhost',
    '127.1.2.3',
    '[::1]',
    '0.0.0.0',
    '[::ffff:127.0.0.1]',
  ]) {
    const url = `http://${host}:${daemon.proxyPort}/proxy.pac`
    const { stdout } = await curl('--proxy', `http://${proxy}`, '--noproxy', '', url)
    t.regex(stdout, /reason: own_port/, host)
  }
})

test('D8 T108: ours stays refused while the gateway is away, also after a restart, and never goes directly', async (t) => {
  const web = await startWeb(t)
  const gateway = await startGatewayFor(t, web.port)
  const registration = registrationOf(gateway, await gateway.enrol())
  const rig = await startDaemonRig(t, { registration })
  await rig.until(({ state, domains }) => state === 'connected' && domains.length > 0)
  await gateway.server.drain(0)
  const lost = await rig.until(({ state }) => state !== 'connected')
  t.is(lost.connections, 0)
  const socks = await curl('--socks5-hostname', rig.proxy, 'http://wiki.corp.internal/')
  t.is(socks.code, 97)
  t.regex(socks.stderr, /\(3\)/)

  await rig.daemon.stop()
  const started = await startDaemon(rig.config, surroundings())
  if (!started.ok) return t.fail(started.error.reason)
  t.teardown(() => started.value.stop())
  const proxy = `http://127.0.0.1:${started.value.proxyPort}`
  const { stdout } = await curl('--proxy', proxy, 'http://wiki.corp.internal/')
  t.regex(stdout, /reason: gateway_unreachable/)
  t.is(
    (await curl('--proxy', proxy, '--noproxy', '', `http://localhost:${web.port}/x`)).stdout,
    'page /x',
  )
})

test('D7: a state folder that takes no more ends neither the tunnel nor a start', async (t) => {
  const web = await startWeb(t)
  const gateway = await startGatewayFor(t, web.port)
  const registration = registrationOf(gateway, await gateway.enrol())
  const { config, daemon } = await startDaemonRig(t, { registration })
  await daemon.stop()
  mkdirSync(join(config.stateDir, 'registration.json.next'))
  const started = await startDaemon(config, surroundings())
  if (!started.ok) return t.fail(started.error.reason)
  t.teardown(() => started.value.stop())
  const proxy = `127.0.0.1:${started.value.proxyPort}`
  const { stdout } = await curl('--socks5-hostname', proxy, 'http://wiki.corp.internal/x')
  t.is(stdout, 'page /x')
})

test('D8: a flow that comes while the tunnel comes up waits for it', async (t) => {
  const web = await startWeb(t)
  const gateway = await startGatewayFor(t, web.port)
  const registration = registrationOf(gateway, await gateway.enrol())
  const { proxy } = await startDaemonRig(t, { registration })
  const early = Array.from({ length: 3 }, () =>
    curl('--socks5-hostname', proxy, 'http://wiki.corp.internal/early'),
  )
  for (const { stdout } of await Promise.all(early)) t.is(stdout, 'page /early')
})

test('D8 T108: a gateway that falls silent without a word is shown within 10 s, and refuses what is ours', async (t) => {
  const web = await startWeb(t)
  const gateway = await startGatewayFor(t, web.port)
  const wire = await startFreezableWire(t, gateway.server.address.port)
  const registration = {
    ...registrationOf(gateway, await gateway.enrol()),
    tunnelUrl: `https://127.0.0.1:${wire.port}`,
  }
  const rig = await startDaemonRig(t, { registration })
  await rig.until(({ state, connections }) => state === 'connected' && connections === 2)
  wire.freeze(true)
  const frozenAtMs = Date.now()
  await rig.until(({ state }) => state !== 'connected')
  t.true(Date.now() - frozenAtMs <= 10_500)
  const { code } = await curl('--socks5-hostname', rig.proxy, 'http://wiki.corp.internal/')
  t.is(code, 97)
  t.deepEqual(web.asked, [])
})

test('D8 T107: a flow whose connection dies before the verdict is asked for again on the next one', async (t) => {
  const web = await startWeb(t)
  const gateway = await startGatewayFor(t, web.port)
  const wire = await startFreezableWire(t, gateway.server.address.port)
  const registration = {
    ...registrationOf(gateway, await gateway.enrol()),
    tunnelUrl: `https://127.0.0.1:${wire.port}`,
  }
  const rig = await startDaemonRig(t, { registration })
  await rig.until(({ connections, domains }) => connections === 2 && domains.length > 0)
  wire.freeze(false)
  const page = await curl('--socks5-hostname', rig.proxy, 'http://wiki.corp.internal/late')
  t.is(page.stdout, 'page /late')
})

test('D8: before the first settings everything is refused, since anything may be ours', async (t) => {
  const web = await startWeb(t)
  const gateway = await startGatewayFor(t, web.port)
  const registration = registrationOf(gateway, await gateway.enrol())
  await gateway.server.drain(0)
  const { proxy } = await startDaemonRig(t, { registration })
  const { stdout } = await curl(
    '--proxy',
    `http://${proxy}`,
    '--noproxy',
    '',
    `http://localhost:${web.port}/`,
  )
  t.regex(stdout, /reason: gateway_unreachable/)
  t.deepEqual(web.asked, [])
})

test('D8: zt down refuses what is ours, zt up brings it back', async (t) => {
  const web = await startWeb(t)
  const gateway = await startGatewayFor(t, web.port)
  const registration = registrationOf(gateway, await gateway.enrol())
  const { ask, until, proxy } = await startDaemonRig(t, { registration })
  await until(({ state, domains }) => state === 'connected' && domains.length > 0)
  const down = await ask({ method: 'down' })
  t.like(down, { type: 'result', value: { method: 'down', status: { state: 'down' } } })
  const refused = await curl('--proxy', `http://${proxy}`, 'http://wiki.corp.internal/')
  t.regex(refused.stdout, /reason: down/)
  const up = await ask({ method: 'up' })
  t.like(up, { type: 'result', value: { method: 'up', status: { state: 'connected' } } })
  t.is((await curl('--proxy', `http://${proxy}`, 'http://wiki.corp.internal/b')).stdout, 'page /b')
})

test('D13: a locked device is not switched off or logged out, but with a code of its own', async (t) => {
  const key = Buffer.alloc(32, 7)
  const settings = { ...SETTINGS, lock: { overrideKey: key.toString('base64url') } }
  const gateway = await startGatewayFor(t, 1, {}, { settings: () => settings })
  const device = await gateway.enrol()
  const registration = registrationOf(gateway, device)
  const { ask, until, status } = await startDaemonRig(t, { registration })
  await until(({ lock, state }) => state === 'connected' && lock !== undefined)
  for (const method of ['down', 'logout'] as const) {
    t.like(await ask({ method }), { type: 'error', code: 'locked' })
  }
  const code = makeOverrideCode(key, device.id, Date.now() + HOUR_MS)
  const other = makeOverrideCode(key, 'other', Date.now() + HOUR_MS)
  t.like(await ask({ method: 'override', code: other }), { type: 'error', code: 'wrong_code' })
  // A machine that pauses for seconds seems to have slept: it may be connecting again.
  await until(({ state }) => state === 'connected')
  t.like(await ask({ method: 'override', code }), { type: 'result' })
  t.truthy((await status()).lock?.liftedUntil)
  t.like(await ask({ method: 'down' }), { value: { status: { state: 'down' } } })
  t.like(await ask({ method: 'override', code }), { type: 'error', code: 'code_used' })
})

test('D13: what a code lifted is lifted after a restart of the daemon; the file is not open to others', async (t) => {
  const key = Buffer.alloc(32, 7)
  const settings = { ...SETTINGS, lock: { overrideKey: key.toString('base64url') } }
  const gateway = await startGatewayFor(t, 1, {}, { settings: () => settings })
  const device = await gateway.enrol()
  const registration = registrationOf(gateway, device)
  const first = await startDaemonRig(t, { registration })
  await first.until(({ lock, state }) => state === 'connected' && lock !== undefined)
  const code = makeOverrideCode(key, device.id, Date.now() + HOUR_MS)
  t.like(await first.ask({ method: 'override', code }), { type: 'result' })
  const until = (await first.status()).lock?.liftedUntil ?? ''
  await first.daemon.stop()
  t.is(statSync(join(first.config.stateDir, 'registration.json')).mode & 0o777, 0o600)
  const again = await startDaemonRig(t, { config: first.config })
  // The clocks differ by less than the grain of the uptime.
  t.true(
    Math.abs(Date.parse((await again.status()).lock?.liftedUntil ?? '') - Date.parse(until)) < 1000,
  )
  t.like(await again.ask({ method: 'down' }), { value: { status: { state: 'down' } } })
  t.like(await again.ask({ method: 'override', code }), { type: 'error', code: 'code_used' })
})

test('D8: a revoked device says so, and what is ours is refused with that reason', async (t) => {
  const gateway = await startGatewayFor(t, 1)
  const device = await gateway.enrol()
  const registered = gateway.devices.get(device.id)
  if (registered !== undefined) gateway.devices.set(device.id, { ...registered, revokedAtMs: 1 })
  const registration = { ...registrationOf(gateway, device), settings: SETTINGS_COPY }
  const { until, proxy } = await startDaemonRig(t, { registration })
  await until(({ state }) => state === 'revoked')
  const { stdout } = await curl('--proxy', `http://${proxy}`, 'http://wiki.corp.internal/')
  t.regex(stdout, /reason: device_revoked/)
})

test("D12: apps and explain are the gateway's answers; without it the reason is clear", async (t) => {
  const gateway = await startGatewayFor(t, 1)
  const registration = registrationOf(gateway, await gateway.enrol())
  const { ask, until } = await startDaemonRig(t, { registration })
  await until(({ state, domains }) => state === 'connected' && domains.length > 0)
  t.like(await ask({ method: 'apps' }), { value: { applications: { 0: { name: 'wiki' } } } })
  const explained = await ask({ method: 'explain', host: 'db.corp.internal', port: 22 })
  t.like(explained, { value: { explanation: { reason: 'no_application', port: 22 } } })
  await gateway.server.drain(0)
  await until(({ state }) => state !== 'connected')
  t.like(await ask({ method: 'apps' }), { type: 'error', code: 'gateway_unreachable' })
})

test('D7: a device that is not enrolled refuses everything and says what to do', async (t) => {
  const { ask, status, proxy } = await startDaemonRig(t)
  t.is((await status()).state, 'not_enrolled')
  const { stdout } = await curl('--proxy', `http://${proxy}`, 'http://wiki.corp.internal/')
  t.regex(stdout, /reason: not_enrolled/)
  t.regex(stdout, /zt enroll/)
  for (const method of ['login', 'logout', 'up', 'apps'] as const) {
    t.like(await ask({ method }), { type: 'error', code: 'not_enrolled' })
  }
})

test('D7: enrolment over the control socket, once; login by the same user only; logout forgets', async (t) => {
  const login = await startLoginRig(t)
  const { ask, config, status } = await startDaemonRig(t)
  const logIn = (who: typeof ALICE) => (prompt: { verificationUrl: string; userCode: string }) => {
    const { verificationUrl, userCode } = prompt
    const { email, password } = who
    completeLogin({ verificationUrl, userCode, email, password, ca: login.ca }).catch(() => {})
  }
  const url = login.url.origin
  const untrusted = await ask({ method: 'enroll', url })
  t.like(untrusted, { type: 'error', code: 'gateway_unreachable' })
  t.regex(JSON.stringify(untrusted), /No CA of this machine vouches.*--ca-sha256/)
  const caSha256 = '00'.repeat(32)
  t.like(await ask({ method: 'enroll', url, caSha256 }), { code: 'fingerprint_mismatch' })
  t.like(await ask({ method: 'enroll', url: 'http://x' }), { code: 'bad_url' })
  t.like(await ask({ method: 'enroll', url, caSha256: 'zz' }), { code: 'bad_fingerprint' })

  const fingerprint = new X509Certificate(login.gatewayCa.certificatePem).fingerprint256
  const enroll = { method: 'enroll', url, caSha256: fingerprint } as const
  const enrolled = await ask(enroll, logIn(ALICE))
  t.like(enrolled, { type: 'result', value: { method: 'enroll' } })
  const file = join(config.stateDir, 'registration.json')
  t.is(statSync(file).mode & 0o777, 0o600)
  t.is(statSync(config.stateDir).mode & 0o777, 0o700)
  t.is((await status()).userEmail, 'alice@example.com')
  t.like(await ask(enroll, logIn(BOB)), { type: 'error', code: 'already_enrolled' })

  const before = JSON.parse(readFileSync(file, 'utf8'))
  t.like(await ask({ method: 'login' }, logIn(BOB)), { type: 'error', code: 'different_user' })
  t.like(await ask({ method: 'login' }, logIn(ALICE)), { type: 'result' })
  const after = JSON.parse(readFileSync(file, 'utf8'))
  t.is(after.key, before.key)
  t.is(after.deviceId, before.deviceId)
  t.not(after.certificate, before.certificate)

  t.like(await ask({ method: 'logout' }), { value: { status: { state: 'not_enrolled' } } })
  t.false(existsSync(file))
})

for (const [title, { status, gatewayTold }] of Object.entries({
  'that took it': { status: 200, gatewayTold: true },
  'that did not': { status: 503, gatewayTold: false },
})) {
  test(`D7: logout tells the gateway, and says so of one ${title}`, async (t) => {
    const posts = new Map([['/logout', async () => ({ status, body: '{}' })]])
    const gateway = await startGatewayFor(t, 1, { posts })
    const registration = registrationOf(gateway, await gateway.enrol())
    const { ask, until } = await startDaemonRig(t, { registration })
    await until(({ state }) => state === 'connected')
    const value = { method: 'logout', gatewayTold, status: { state: 'not_enrolled' } } as const
    t.like(await ask({ method: 'logout' }), { type: 'result', value })
  })
}

test('D7: logout says when the gateway is away, and that of a revoked device there is nothing to tell', async (t) => {
  const gateway = await startGatewayFor(t, 1)
  const device = await gateway.enrol()
  const registration = { ...registrationOf(gateway, device), settings: SETTINGS_COPY }
  const away = await startDaemonRig(t, {
    registration: { ...registration, tunnelUrl: 'https://127.0.0.1:1' },
  })
  t.like(await away.ask({ method: 'logout' }), { value: { gatewayTold: false } })
  const registered = gateway.devices.get(device.id)
  if (registered !== undefined) gateway.devices.set(device.id, { ...registered, revokedAtMs: 1 })
  const revoked = await startDaemonRig(t, { registration })
  await revoked.until(({ state }) => state === 'revoked')
  t.like(await revoked.ask({ method: 'logout' }), { value: { gatewayTold: true } })
})

test('A11 D7: a daemon enrols by a service token, keeps no secret, and nobody logs in on it', async (t) => {
  const login = await startLoginRig(t)
  const { ask, config, status } = await startDaemonRig(t)
  const issued = login.serviceTokens.create('backup', HOUR_MS)
  if (issued === undefined) return t.fail()
  const { id } = issued.token
  const caSha256 = new X509Certificate(login.gatewayCa.certificatePem).fingerprint256
  const enroll = { method: 'enroll', url: login.url.origin, caSha256 } as const
  const wrong = { id, secret: newServiceSecret() }
  t.like(await ask({ ...enroll, serviceToken: wrong }), { code: 'bad_service_token' })
  t.like(await ask({ ...enroll, serviceToken: { id, secret: issued.secret } }), {
    type: 'result',
    value: { method: 'enroll' },
  })
  t.is((await status()).userEmail, undefined)
  const [device] = login.store.devices.list()
  const owner = login.store.users.get(device?.userId ?? '')
  t.like(owner, { provider: 'zt:service', providerSubject: id, name: 'backup', email: '' })
  const kept = readFileSync(join(config.stateDir, 'registration.json'), 'utf8')
  t.notRegex(kept + login.logged.join(), /ztsvc_/)
  t.like(await ask({ method: 'login' }), { type: 'error', code: 'service_device' })
})

test('D7: a certificate past half of its life is renewed over the tunnel, and kept', async (t) => {
  const notAfterMs = Date.now() + HOUR_MS / 2
  const leaf = { notBeforeMs: Date.now() - HOUR_MS, notAfterMs }
  let fresh = ''
  const gateway = await startGatewayFor(t, 1, {
    posts: new Map([
      ['/renew', async () => ({ status: 200, body: JSON.stringify({ certificate: fresh }) })],
    ]),
  })
  const keys = await newKeys()
  const device = await gateway.enrol({ ...leaf, keys })
  fresh = (await issueDevice(gateway.deviceCa, device.id, { keys })).certificate
  const registration = registrationOf(gateway, device)
  const rig = await startDaemonRig(t, { registration })
  const { validTo } = new X509Certificate(fresh)
  const wanted = new Date(validTo).toISOString()
  await rig.until(({ certificateNotAfter }) => certificateNotAfter === wanted)
  const kept = identityStoreIn(rig.config.stateDir).load()
  t.true(kept.ok && kept.value?.certificate === fresh)
})

test('D15: the daemon does not start on a damaged or open registration, nor beside another daemon', async (t) => {
  const gateway = await startGatewayFor(t, 1)
  const registration = registrationOf(gateway, await gateway.enrol())
  const rig = await startDaemonRig(t, { registration })
  const second = await startDaemon(
    configIn(freshFolder(t), { controlPath: rig.config.controlPath }),
    surroundings(),
  )
  t.like(second, { ok: false, error: { reason: 'already_running' } })
  await chmod(join(rig.config.stateDir, 'registration.json'), 0o644)
  const open = await startDaemon(
    { ...rig.config, controlPath: `${rig.config.controlPath}2` },
    surroundings(),
  )
  t.like(open, { ok: false, error: { reason: 'registration_open_to_others' } })
})

test('D15 T100: another user gets nothing from control socket or proxy port, and is counted', async (t) => {
  const { config, proxy, status } = await startDaemonRig(t)
  await chmod(join(config.controlPath, '..'), 0o755)
  await chmod(config.controlPath, 0o666)
  const asked = await runProgram(
    asNobody(['nc', '-N', '-U', config.controlPath]),
    '{"method":"status"}\n',
  )
  t.is(asked.stdout, '')
  const page = await runProgram(asNobody(['curl', '-sS', '-m', '30', `http://${proxy}/proxy.pac`]))
  t.is(page.stdout, '')
  t.is((await status()).refusedOtherUsers, 1)
})

test('D15: a port that is shared by setting serves other users too', async (t) => {
  const { proxy } = await startDaemonRig(t, { config: { sharePort: true } })
  const page = await runProgram(asNobody(['curl', '-sS', '-m', '30', `http://${proxy}/proxy.pac`]))
  t.regex(page.stdout, /FindProxyForURL/)
})

test('D1: an upstream proxy that is our own port is refused at start', async (t) => {
  const probe = net.createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  const upstreamProxy = `socks5://localhost:${port}`
  const config = configIn(freshFolder(t), { proxyPort: port, upstreamProxy })
  t.like(await startDaemon(config, surroundings()), { error: { reason: 'upstream_is_self' } })
  const bad = configIn(freshFolder(t), { upstreamProxy: 'gopher://x' })
  t.like(await startDaemon(bad, surroundings()), { error: { reason: 'bad_proxy_url' } })
  await t.throwsAsync(() => askControl(config.controlPath, { method: 'status' }))
})

test('D1: zt settings hears of the daemon what holds, and where it came from', async (t) => {
  const { ask, config } = await startDaemonRig(t, {
    config: { upstreamProxy: 'http://me:hunter2@127.0.0.1:1', sources: { upstream_proxy: 'file' } },
  })
  const reply = await ask({ method: 'settings' })
  if (reply.type !== 'result' || reply.value.method !== 'settings') return t.fail()
  const { settings } = reply.value
  t.deepEqual(
    settings.filter(({ name }) => name === 'state' || name === 'upstream_proxy'),
    [
      { name: 'state', value: config.stateDir, source: 'default' },
      { name: 'upstream_proxy', value: 'http://***@127.0.0.1:1', source: 'file' },
    ],
  )
})
