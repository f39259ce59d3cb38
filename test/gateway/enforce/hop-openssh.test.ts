/** `ssh -J` through the tunnel, under a policy, with two real targets. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { createPolicyDecider } from '../../../gateway/enforce/policy-decider.ts'
import { createPolicySnapshot } from '../../../gateway/policy-snapshot.ts'
import { serveSsh } from '../../../gateway/ssh/ssh-proxy-server.ts'
import { type Enforced, startEnforced } from '../../support/decisions.ts'
import { policyOf } from '../../support/policy-builder.ts'
import { openSampleStore } from '../../support/recording-store.ts'
import { type Ran, SshClient } from '../../support/ssh-client.ts'
import {
  KNOWN_HOSTS_LINE,
  sampleServiceDeps,
  USER_AUTHORITY_LINE,
} from '../../support/ssh-gateway.ts'
import { type Sshd, startSshd } from '../../support/sshd.ts'
import { connectDevice } from '../../support/tunnel.ts'

type Scene = {
  readonly enforced: Enforced
  readonly first: Sshd
  readonly second: Sshd
  /** `ssh -J first second COMMAND`. */
  readonly jump: (command: string) => Promise<Ran>
}

async function target(t: ExecutionContext): Promise<Sshd> {
  const sshd = await startSshd({ userAuthorities: [USER_AUTHORITY_LINE] })
  t.teardown(() => sshd.stop())
  return sshd
}

const application = (name: string, sshd: Sshd, ssh: object, include: object) => ({
  name,
  destinations: [`127.0.0.1:${sshd.port}`],
  protocol: 'ssh',
  ssh: { unix_users: [sshd.user], host_keys: [sshd.hostKey], ...ssh },
  policies: [{ name: 'all', decision: 'bypass', include: [include] }],
})

/** @param ssh what the first target's application grants. @param include whom the second one's admits. */
async function start(t: ExecutionContext, ssh: object, include: object): Promise<Scene> {
  const [first, second] = [await target(t), await target(t)]
  const folder = mkdtempSync(join(tmpdir(), 'zt-hop-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const { store } = await openSampleStore(folder)
  const policy = policyOf({
    applications: [
      application('first', first, ssh, { everyone: true }),
      application('second', second, {}, include),
    ],
  })
  const snapshot = createPolicySnapshot({ revision: 7, policy })
  const deps = sampleServiceDeps(store)
  const enforced = await startEnforced(t, {
    decider: createPolicyDecider(snapshot, Date.now),
    serveSsh: (flow) => serveSsh(flow, deps),
  })
  const connection = await connectDevice(t, enforced.tunnel.client(await enforced.tunnel.enrol()))
  const proxy = createServer(async (socket) => {
    socket.on('error', () => {})
    const flow = await connection.openFlow({ host: '127.0.0.1', port: first.port }, {})
    if (!flow.ok) return socket.destroy()
    flow.value.on('error', () => socket.destroy())
    return socket.pipe(flow.value).pipe(socket)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close())
  const at = proxy.address()
  const port = typeof at === 'object' && at !== null ? at.port : 0
  const clientOf = (sshd: Sshd, to: number) =>
    new SshClient({ port: to, user: sshd.user, alias: '127.0.0.1', knownHosts: KNOWN_HOSTS_LINE })
  const [outer, inner] = [clientOf(first, port), clientOf(second, second.port)]
  t.teardown(() => outer.remove())
  t.teardown(() => inner.remove())
  const config = join(outer.folder, 'both')
  const named = readFileSync(outer.config, 'utf8').replace('Host target', 'Host first')
  writeFileSync(config, `${named}\n${readFileSync(inner.config, 'utf8')}`)
  const jump = (command: string) =>
    outer.run(['ssh', '-F', config, '-J', 'first', 'target', command])
  return { enforced, first, second, jump }
}

test('S7: -J to a target that policy permits: two flows, two decisions, one person', async (t) => {
  const { enforced, second, jump } = await start(t, { allow: ['jump'] }, { everyone: true })
  const { code, stdout, stderr } = await jump('echo inside; exit 7')
  t.deepEqual([code, stdout.toString()], [7, 'inside\n'], stderr)
  const ends = [await enforced.closedRecord(), await enforced.closedRecord()]
  const [inner, outer] = ends.sort((a) => (a.application === 'second' ? -1 : 1))
  t.like(outer, { application: 'first', verdict: 'permit', closeReason: 'done' })
  t.like(inner, { application: 'second', verdict: 'permit' })
  // ssh ends its own jump process, whose last words may be those of the way or of the session in it.
  t.regex(inner?.closeReason ?? '', /^(?:done|user_connection_lost)$/)
  t.deepEqual(inner?.facts.subject, outer?.facts.subject)
  t.truthy(inner?.sessionId)
  t.not(inner?.sessionId, outer?.sessionId)
  t.regex(second.log(), /ID zt:demo@example\.com:/)
})

test('S7 T42: -J to a target that policy denies is refused with a sentence, and nobody connects there', async (t) => {
  const { enforced, second, jump } = await start(t, { allow: ['jump'] }, { email: 'ann@corp' })
  const { code, stderr } = await jump('id')
  t.is(code, 255)
  t.regex(stderr, /open failed: administratively prohibited: \S+ \S+/)
  const ends = [await enforced.closedRecord(), await enforced.closedRecord()]
  t.true(ends.some(({ verdict, application: at }) => verdict === 'denial' && at === 'second'))
  t.notRegex(second.log(), /Connection from/)
})

test('S7 T42: without a jump that is granted, -J is refused as sshd does', async (t) => {
  const { enforced, second, jump } = await start(t, {}, { everyone: true })
  const { code, stderr } = await jump('id')
  t.is(code, 255)
  t.regex(stderr, /open failed: administratively prohibited: open failed/)
  t.is((await enforced.closedRecord()).application, 'first')
  t.notRegex(second.log(), /Connection from/)
})
