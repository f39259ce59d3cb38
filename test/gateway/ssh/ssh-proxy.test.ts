/** Who is turned away, what they read, what is recorded and logged, and how sessions end. */

import { once } from 'node:events'
import { connect, Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { ok } from '#lib/result'
import { DEFAULT_SSH_GRANT } from '../../../gateway/policy/ssh-grant.ts'
import type { Recorder, Recordings } from '../../../gateway/recording/recorder.ts'
import { serveSsh } from '../../../gateway/ssh/ssh-proxy-server.ts'
import { deferred } from '../../support/deferred.ts'
import { SILENT } from '../../support/recording-store.ts'
import {
  type GatewayOptions,
  sampleServiceDeps,
  sampleSshFlow,
  sampleSshTarget,
} from '../../support/ssh-gateway.ts'
import { KeyFolder } from '../../support/ssh-keygen.ts'
import { type SshPair, startSshPair } from '../../support/ssh-pair.ts'

async function start(
  t: ExecutionContext,
  options: Partial<GatewayOptions> = {},
  config: readonly string[] = [],
): Promise<SshPair> {
  const pair = await startSshPair(config, options)
  t.teardown(() => pair.stop())
  return pair
}

/** Limits of a target at 127.0.0.1 whose key nobody pinned. */
const limits = {
  unixUsers: ['root'],
  record: 'required',
  hostKeys: [],
  hostAuthorities: [],
  grants: [DEFAULT_SSH_GRANT],
} as const

function otherKey(): string {
  const keys = new KeyFolder()
  keys.makeKey('other', '-t', 'ed25519')
  const blob = keys.blob('other.pub').toString('base64')
  keys.remove()
  return `ssh-ed25519 ${blob}`
}

/** What a recorder that fails or falls behind looks like to a session. */
class ScriptedRecorder implements Recorder {
  elapsedMs = 0
  backlogged = false
  onDrain = () => {}
  onFailure: (reason: string) => void = () => {}
  octets = 0
  readonly closed: string[] = []
  data(_channel: number, _stream: string, bytes: Uint8Array): void {
    this.octets += bytes.length
  }
  event(): void {}
  async close(end: { readonly reason: string }): Promise<void> {
    this.closed.push(end.reason)
  }
}

function scripted(recorder: Recorder): Recordings {
  return { open: async () => ({ ok: true, value: recorder }) }
}

test('S4: a UNIX user outside the application is told so, logged, and never reaches the target', async (t) => {
  const { proxied, gateway, sshd } = await start(t)
  const { code, stderr } = await proxied.ssh(['-l', 'postgres', 'target', 'id'])
  t.is(code, 255)
  t.regex(stderr, /you may not log in to db1\.corp\.internal as "postgres"/)
  const end = await gateway.lastEnd()
  t.is(end.closeReason, 'unix_user_not_allowed')
  t.true(gateway.log.some(({ reason }) => reason === 'unix_user_not_allowed'))
  t.deepEqual(gateway.sessions, [])
  t.notRegex(sshd.log(), /postgres/)
})

test('S4 T26: a name that is no UNIX user is refused', async (t) => {
  const { proxied, gateway } = await start(t)
  const { code } = await proxied.ssh(['-l', 'ann@example.com', 'target', 'id'])
  t.is(code, 255)
  t.is((await gateway.lastEnd()).closeReason, 'bad_unix_user')
})

test('S4 T30: a target whose host key nobody registered is refused with what to do', async (t) => {
  const target = (await start(t)).sshd
  const { proxied, gateway } = await start(t, { target, limits })
  const { code, stderr } = await proxied.ssh(['target', 'id'])
  t.is(code, 255)
  t.regex(stderr, /knows no host key of db1\.corp\.internal/)
  t.regex(stderr, /zt admin ssh-targets scan/)
  t.is((await gateway.lastEnd()).closeReason, 'host_key_unknown')
  t.deepEqual(gateway.sessions, [])
})

test('S4 T30: a target with another host key is refused as a possible impostor', async (t) => {
  const target = (await start(t)).sshd
  const wrong = { ...limits, hostKeys: [otherKey()] }
  const { proxied, gateway } = await start(t, { target, limits: wrong })
  const { code, stderr } = await proxied.ssh(['target', 'id'])
  t.is(code, 255)
  t.regex(stderr, /It may be an impostor/)
  t.is((await gateway.lastEnd()).closeReason, 'host_key_refused')
  t.notRegex(target.log(), /Accepted/)
})

test('S2 S4: a target that does not trust our authority is named, and the log has the time', async (t) => {
  const pair = await startSshPair(['TrustedUserCAKeys none', 'AuthorizedKeysFile none'])
  t.teardown(() => pair.stop())
  const { code, stderr } = await pair.proxied.ssh(['target', 'id'])
  t.is(code, 255)
  t.regex(stderr, /db1\.corp\.internal did not let "root" in/)
  t.is((await pair.gateway.lastEnd()).closeReason, 'target_refused')
  t.true(pair.gateway.log.some((line) => 'gatewayTime' in line))
})

test('S2: the certificate shown to the target names person and session and one principal', async (t) => {
  const { proxied, gateway, sshd } = await start(t)
  t.is((await proxied.ssh(['target', 'exit 3'])).code, 3)
  await gateway.lastEnd()
  t.regex(sshd.log(), new RegExp(`ID zt:ann@example.com:${gateway.sessions[0]} \\(serial \\d+\\)`))
})

for (const reason of ['no_recipient', 'no_space', 'write_failed'] as const) {
  test(`S11 T61: no recording (${reason}), no session`, async (t) => {
    const recordings: Recordings = { open: async () => ({ ok: false, error: { reason } }) }
    const { proxied, gateway, sshd } = await start(t, { recordings })
    const { code, stderr } = await proxied.ssh(['target', 'id'])
    t.is(code, 255)
    t.regex(stderr, /the session must be recorded/)
    t.is((await gateway.lastEnd()).closeReason, 'recording_unavailable')
    t.notRegex(sshd.log(), /Accepted/)
  })
}

test('S11 T61: where recording is best effort, a session that cannot be recorded runs', async (t) => {
  const recordings: Recordings = {
    async open(subject) {
      t.is(subject.recordFailure, 'go_on')
      t.is(subject.recordScope, 'commands')
      return { ok: false, error: { reason: 'write_failed' } }
    },
  }
  const first = await start(t)
  const change = { record: 'best_effort', recordScope: 'commands' } as const
  const best = { ...limits, ...change, hostKeys: [first.sshd.hostKey] }
  const { proxied, gateway } = await start(t, { recordings, target: first.sshd, limits: best })
  t.is((await proxied.ssh(['target', 'exit 4'])).code, 4)
  t.is((await gateway.lastEnd()).closeReason, 'done')
})

test('S10 S11 T61: what is neither recorded nor audited does not run, best effort or not', async (t) => {
  const recordings: Recordings = {
    open: async () => ({ ok: false, error: { reason: 'not_audited' } }),
  }
  const first = await start(t)
  const best = { ...limits, record: 'best_effort', hostKeys: [first.sshd.hostKey] } as const
  const { proxied, gateway } = await start(t, { recordings, target: first.sshd, limits: best })
  t.is((await proxied.ssh(['target', 'exit 4'])).code, 255)
  t.is((await gateway.lastEnd()).closeReason, 'recording_unavailable')
})

test('S11: where recording is off, sessions run without one', async (t) => {
  const recordings: Recordings = { open: () => Promise.reject(new Error('nobody asked')) }
  const first = await start(t)
  const off = { ...limits, record: 'off', hostKeys: [first.sshd.hostKey] } as const
  const { proxied, gateway } = await start(t, { recordings, target: first.sshd, limits: off })
  t.is((await proxied.ssh(['target', 'exit 4'])).code, 4)
  t.is((await gateway.lastEnd()).closeReason, 'done')
  t.deepEqual(gateway.sessions, [])
})

test('S11 T61: when the recording fails, the session ends at once with words, before the next byte', async (t) => {
  const recorder = new ScriptedRecorder()
  const { proxied, gateway } = await start(t, { recordings: scripted(recorder) })
  const child = proxied.start(['target', 'echo first; read line; echo second'])
  await once(child.stdout ?? child, 'data')
  const { octets } = recorder
  // On its way when the recording fails; must not arrive.
  child.stdin?.write('go\n')
  recorder.backlogged = true
  recorder.onFailure('write_failed')
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  t.deepEqual(await once(child, 'close'), [255, null])
  t.regex(errors, /zt: the recording failed/)
  t.is(output, '')
  t.is(recorder.octets, octets)
  t.is((await gateway.lastEnd()).closeReason, 'recording_failed')
  t.deepEqual(recorder.closed, ['recording_failed'])
})

test('S8 T62: a recording that is behind stops both directions, and drains into them again', async (t) => {
  const recorder = new ScriptedRecorder()
  const { proxied } = await start(t, { recordings: scripted(recorder) })
  const child = proxied.start(['target', 'echo up; head -c 30000000 /dev/zero | sha256sum'])
  await once(child.stdout ?? child, 'data')
  child.kill()
  await once(child, 'close')
  const limit = 10_000_000
  const stalled: number[] = []
  const data = recorder.data.bind(recorder)
  recorder.data = (channel, stream, bytes) => {
    data(channel, stream, bytes)
    if (recorder.octets < limit || recorder.backlogged) return
    recorder.backlogged = true
    setImmediate(() => {
      const { octets } = recorder
      setImmediate(() => {
        stalled.push(recorder.octets - octets)
        recorder.backlogged = false
        recorder.octets = 0
        recorder.onDrain()
      })
    })
  }
  const ran = await proxied.ssh(['target', 'head -c 30000000 /dev/zero'])
  t.is(ran.stdout.length, 30_000_000)
  t.true(stalled.length >= 2)
  t.deepEqual(
    stalled.filter((octets) => octets > 0),
    [],
  )
})

test('T07: a reader that stalls stalls the sender, in bounded memory', async (t) => {
  const recorder = new ScriptedRecorder()
  const { proxied } = await start(t, { recordings: scripted(recorder) })
  const child = proxied.start(['target', 'cat /dev/zero'])
  await once(child.stdout ?? child, 'readable')
  let before = -1
  while (before !== recorder.octets) {
    before = recorder.octets
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  // Its windows (2 MiB), sockets and pipes, and our 1 MiB.
  t.true(recorder.octets < 20_000_000, `${recorder.octets}`)
  child.kill()
  await once(child, 'close')
})

test('S12 T61: a cut flow ends the recording with the reason of the cut', async (t) => {
  const recorder = new ScriptedRecorder()
  const { proxied, gateway } = await start(t, { recordings: scripted(recorder) })
  const child = proxied.start(['target', 'echo up; sleep 30'])
  await once(child.stdout ?? child, 'data')
  gateway.cut('device_revoked')
  t.deepEqual(await once(child, 'close'), [255, null])
  t.is((await gateway.lastEnd()).closeReason, 'device_revoked')
  t.deepEqual(recorder.closed, ['device_revoked'])
})

test('S11: a client that vanishes and a target that vanishes are told apart', async (t) => {
  const { proxied, gateway } = await start(t)
  const killed = proxied.start(['target', 'echo up; sleep 30'])
  await once(killed.stdout ?? killed, 'data')
  killed.kill('SIGKILL')
  t.is((await gateway.lastEnd()).closeReason, 'user_connection_lost')

  const left = proxied.start(['target', 'echo up; sleep 30'])
  await once(left.stdout ?? left, 'data')
  let errors = ''
  left.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  gateway.targets.at(-1)?.resetAndDestroy()
  t.deepEqual(await once(left, 'close'), [255, null])
  t.regex(errors, /closed by remote host/)
  t.is((await gateway.lastEnd()).closeReason, 'target_connection_lost')
})

test('S4: a login that takes too long, and a session without traffic, are ended with words', async (t) => {
  const slow = await start(t, { timing: { loginGraceMs: 1 } })
  t.is((await slow.proxied.ssh(['target', 'id'])).code, 255)
  t.is((await slow.gateway.lastEnd()).closeReason, 'login_grace_exceeded')

  const idle = await start(t, { idleTimeoutMs: 800 })
  const { code, stderr } = await idle.proxied.ssh(['target', 'echo up; sleep 30'])
  t.is(code, 255)
  t.regex(stderr, /zt: the session was idle for too long/)
  t.is((await idle.gateway.lastEnd()).closeReason, 'idle_timeout')
})

test('S1: keys are exchanged anew by the clock on both legs while data passes', async (t) => {
  const { proxied, gateway } = await start(t, { timing: { rekeyAfterMs: 20 } })
  const { code, stdout } = await proxied.ssh(['target', 'head -c 20000000 /dev/zero; exit 7'])
  t.is(code, 7)
  t.is(stdout.length, 20_000_000)
  t.is((await gateway.lastEnd()).closeReason, 'done')
})

test('S1 T07: both legs exchange keys while both directions are full', async (t) => {
  const { proxied, gateway } = await start(t, {}, ['RekeyLimit 1M'])
  const input = Buffer.alloc(30_000_000, 'zt')
  const ran = await proxied.ssh(['-o', 'RekeyLimit=1M', 'target', 'cat'], input)
  t.true(ran.stdout.equals(input))
  t.is((await gateway.lastEnd()).closeReason, 'done')
})

test('S1 T30: the host certificate is good for the name, its short form and the address, and no other', async (t) => {
  const { proxied } = await start(t)
  for (const name of ['db1.corp.internal', 'db1', '127.0.0.1']) {
    const { code } = await proxied.ssh(['-o', `HostKeyAlias=${name}`, 'target', 'exit 2'])
    t.is(code, 2, name)
  }
  const other = await proxied.ssh(['-o', 'HostKeyAlias=db2.corp.internal', 'target', 'exit 2'])
  t.is(other.code, 255)
})

const noise = {
  'nothing at all': ['', 'user_connection_lost'],
  'another protocol': ['GET / HTTP/1.1\r\n\r\n', 'user_bad_identification'],
  'octets that are no packet': [`SSH-2.0-x\r\n${'\xff'.repeat(64)}`, 'user_bad_packet_length'],
} as const
for (const [title, [text, reason]] of Object.entries(noise)) {
  test(`S11: a client that sends ${title} ends its session, and the target sees no login`, async (t) => {
    const { gateway, sshd } = await start(t)
    const socket = connect(gateway.port, '127.0.0.1')
    socket.end(Buffer.from(text, 'latin1'))
    await once(socket.resume(), 'close')
    t.is((await gateway.lastEnd()).closeReason, reason)
    t.notRegex(sshd.log(), /Accepted|Invalid user/)
  })
}

test('S11: a flow whose streams are gone already ends at once', async (t) => {
  const recordings: Recordings = { open: () => Promise.reject(new Error('nobody asked')) }
  const client = new PassThrough().destroy()
  const target = new Socket().destroy()
  await once(target, 'close')
  const reached = ok(sampleSshTarget(target, { ...limits, hostKeys: [otherKey()] }))
  const flow = sampleSshFlow({ client, reach: async () => reached })
  const end = await serveSsh(flow, sampleServiceDeps(recordings))
  t.is(end.closeReason, 'user_connection_lost')
})

test('S11: a session whose user left while its recording opened ends with that recording', async (t) => {
  const recorder = new ScriptedRecorder()
  const [asked, opened] = [deferred<void>(), deferred<void>()]
  const recordings: Recordings = {
    open: async () => {
      asked.resolve()
      await opened.promise
      return ok(recorder)
    },
  }
  const { proxied, gateway } = await start(t, { recordings })
  const child = proxied.start(['target', 'true'])
  await asked.promise
  const closedByTheEnd = gateway.lastEnd().then(() => [...recorder.closed])
  const [target] = gateway.targets
  child.kill('SIGKILL')
  if (target !== undefined) await once(target, 'close')
  await turn()
  opened.resolve()
  t.deepEqual(await closedByTheEnd, ['user_connection_lost'])
})

test('S1 T48: keepalives of the target are answered by the client', async (t) => {
  const { proxied } = await start(t, {}, ['ClientAliveInterval 1', 'ClientAliveCountMax 1'])
  t.is((await proxied.ssh(['target', 'sleep 3; exit 5'])).code, 5)
})

test('S4: an error in the gateway lets nobody in', async (t) => {
  const recordings: Recordings = { open: () => Promise.reject(new Error('broken')) }
  const { proxied, gateway, sshd } = await start(t, { recordings, deps: { log: SILENT } })
  t.is((await proxied.ssh(['target', 'id'])).code, 255)
  t.is((await gateway.lastEnd()).closeReason, 'internal_error')
  t.notRegex(sshd.log(), /Accepted/)
})
