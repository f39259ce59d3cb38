/** Targets whose keys an administrator accepts, with a real sshd, the admin API and OpenSSH's client. */
import test, { type ExecutionContext } from 'ava'
import { parseAddress } from '#lib/net/address'
import { ok } from '#lib/result'
import { dialTarget } from '../../../../gateway/enforce/dial-client.ts'
import { type CompiledPolicy, compilePolicy } from '../../../../gateway/policy/compile.ts'
import { evaluate } from '../../../../gateway/policy/evaluate.ts'
import { parsePolicy } from '../../../../gateway/policy/parse.ts'
import { createHostKeyScanner } from '../../../../gateway/ssh/login/host-key-scan-client.ts'
import { openRegisteredTargets } from '../../../../gateway/ssh/login/registered-targets-store.ts'
import { CLIENT_ALGORITHMS } from '../../../../gateway/ssh/transport/algorithms.ts'
import { openMemoryStore } from '../../../../gateway/store/memory-store.ts'
import { startAdminRig } from '../../../support/admin-rig.ts'
import { everyone, factsOf } from '../../../support/policy-builder.ts'
import { SshClient } from '../../../support/ssh-client.ts'
import {
  KNOWN_HOSTS_LINE,
  startSshGateway,
  TARGET_NAME,
  USER_AUTHORITY_LINE,
} from '../../../support/ssh-gateway.ts'
import { KeyFolder } from '../../../support/ssh-keygen.ts'
import { type Sshd, startSshd } from '../../../support/sshd.ts'

const NOW_MS = 1_800_000_000_000
const OTHER_PRINT = `SHA256:${'A'.repeat(43)}`

type Key = { readonly type: string; readonly fingerprint: string }
type Scanned = { readonly keys: Key[]; readonly authorities: Key[] }

/** A host with a key of every kind and a host certificate, and an API that knows nothing of it yet. */
async function fixture(t: ExecutionContext) {
  const keys = new KeyFolder()
  const more = [keys.makeKey('ecdsa', '-t', 'ecdsa'), keys.makeKey('rsa', '-t', 'rsa')]
  const sshd = await startSshd({
    userAuthorities: [USER_AUTHORITY_LINE],
    hostPrincipals: [TARGET_NAME],
    config: more.map((file) => `HostKey ${file}`),
  })
  t.teardown(async () => {
    await sshd.stop()
    keys.remove()
  })
  const prints = {
    ed25519: printOf(keys, sshd.hostKey),
    authority: printOf(keys, sshd.hostAuthority),
    all: [sshd.hostKey, ...['ecdsa', 'rsa'].map((name) => keys.line(`${name}.pub`))].map((line) =>
      printOf(keys, line),
    ),
  }
  return { sshd, prints, ...(await api(t, sshd)) }
}

function printOf(keys: KeyFolder, line: string): string {
  const [, print = ''] = keys.keygen('-l', '-f', keys.write('key.pub', `${line}\n`)).split(' ')
  return print
}

async function api(t: ExecutionContext, sshd: Sshd) {
  const store = openMemoryStore().sshTargets
  const document = parsePolicy({
    applications: [
      {
        ...{ name: 'databases', protocol: 'ssh' },
        ssh: { unix_users: [sshd.user], targets: [{ tags: { env: 'prod' } }] },
        policies: [{ name: 'all', decision: 'allow', include: everyone }],
      },
      {
        ...{ name: 'rival', protocol: 'ssh', destinations: [`rival.corp:${sshd.port}`] },
        ssh: { unix_users: [sshd.user] },
      },
    ],
  })
  if (!document.ok) throw new Error(JSON.stringify(document.error))
  const compiled = (): CompiledPolicy =>
    compilePolicy(document.value, {
      ...{ revision: 1, own: { addresses: [], ports: [] } },
      registered: store.list(),
    })
  let policy = compiled()
  const scan = createHostKeyScanner({
    resolve: async () => ok([addressOf(sshd)] as const),
    dial: dialTarget,
    algorithms: CLIENT_ALGORITHMS,
  })
  const onChange = () => {
    policy = compiled()
  }
  const sshTargets = openRegisteredTargets({
    ...{ store, scan, policy: () => policy, onChange, now: () => NOW_MS },
  })
  const rig = await startAdminRig(t, { change: { sshTargets, policy: () => policy } })
  return { rig, limitsFor: (host: string) => limitsOf(policy, `${host}:${sshd.port}`) }
}

function addressOf(sshd: Sshd) {
  const address = parseAddress(sshd.address)
  if (!address.ok) throw new Error(sshd.address)
  return address.value
}

function limitsOf(policy: CompiledPolicy, endpoint: string) {
  const decision = evaluate(policy, factsOf(endpoint), NOW_MS / 1000)
  return decision.kind === 'permit' && decision.enforcement.kind === 'ssh'
    ? decision.enforcement.ssh
    : undefined
}

const registration = (sshd: Sshd, more: object) => ({
  ...{ label: 'db1', address: TARGET_NAME, ports: [sshd.port], tags: { env: 'prod' } },
  ...{ acceptKeys: [], acceptAuthorities: [], ...more },
})

test('S4: a scan shows every key as ssh-keygen prints it, and learns nothing', async (t) => {
  const { rig, sshd, prints } = await fixture(t)
  const { json, status } = await rig.post('/api/v1/ssh-targets/scan', {
    ...{ host: TARGET_NAME, port: sshd.port },
  })
  const { keys, authorities } = json as Scanned
  t.is(status, 200)
  t.deepEqual(keys.map((one) => one.fingerprint).sort(), prints.all.sort())
  t.deepEqual(
    authorities.map((one) => one.fingerprint),
    [prints.authority],
  )
  t.deepEqual((await rig.get('/api/v1/ssh-targets')).json, { sshTargets: [] })
})

test('S4 T30: only a key that the administrator accepted lets anybody through', async (t) => {
  const { rig, sshd, prints, limitsFor } = await fixture(t)
  const wrong = await rig.post(
    '/api/v1/ssh-targets',
    registration(sshd, { acceptKeys: [OTHER_PRINT] }),
  )
  t.like(wrong, { status: 409, json: { error: { code: 'key_not_shown' } } })
  t.true(wrong.body.includes(prints.ed25519))
  t.is(limitsFor(TARGET_NAME), undefined)
  const right = registration(sshd, { acceptKeys: [prints.ed25519] })
  t.like(await rig.post('/api/v1/ssh-targets', right), {
    status: 200,
    json: { sshTarget: { label: 'db1', hostKeys: [{ fingerprint: prints.ed25519 }] } },
  })
  t.like((await rig.get('/api/v1/ssh-targets')).json, {
    sshTargets: [{ label: 'db1', source: 'registered', applications: ['databases'] }],
  })
  t.like(await rig.post('/api/v1/ssh-targets', right), {
    status: 409,
    json: { error: { code: 'label_taken' } },
  })

  const limits = limitsFor(TARGET_NAME)
  if (limits === undefined) return t.fail('no permit')
  const gateway = await startSshGateway({ target: sshd, limits })
  const client = new SshClient({
    ...{ port: gateway.port, user: sshd.user, alias: TARGET_NAME, knownHosts: KNOWN_HOSTS_LINE },
  })
  t.teardown(async () => {
    await gateway.stop()
    client.remove()
  })
  t.like(await client.ssh(['target', 'echo through']), { code: 0 })
})

test('S4: an authority that the host shows can be accepted in place of its keys', async (t) => {
  const { rig, sshd, prints, limitsFor } = await fixture(t)
  const body = registration(sshd, { acceptAuthorities: [prints.authority] })
  t.is((await rig.post('/api/v1/ssh-targets', body)).status, 200)
  t.like(limitsFor(TARGET_NAME), { hostKeys: [] })
  t.is(limitsFor(TARGET_NAME)?.hostAuthorities.length, 1)
})

test('S4: a key is rotated to what is accepted now, and forgotten with its target', async (t) => {
  const { rig, sshd, prints, limitsFor } = await fixture(t)
  const [, ecdsa = ''] = prints.all
  await rig.post('/api/v1/ssh-targets', registration(sshd, { acceptKeys: [prints.ed25519] }))
  const rotate = (label: string, acceptKeys: string[]) =>
    rig.post(`/api/v1/ssh-targets/${label}/rotate-key`, { acceptKeys, acceptAuthorities: [] })
  t.is((await rotate('db1', [OTHER_PRINT])).status, 409)
  t.is((await rotate('db9', [ecdsa])).status, 404)
  t.is((await rotate('db1', [])).status, 400)
  t.like(await rotate('db1', [ecdsa]), {
    status: 200,
    json: { sshTarget: { hostKeys: [{ fingerprint: ecdsa }] } },
  })
  t.true(limitsFor(TARGET_NAME)?.hostKeys[0]?.startsWith('ecdsa-'))
  t.is((await rig.post('/api/v1/ssh-targets/db1/remove', {})).status, 200)
  t.is((await rig.post('/api/v1/ssh-targets/db1/remove', {})).status, 404)
  t.is(limitsFor(TARGET_NAME), undefined)
})

test('S4: what does not fit the policy, or is no target, is refused', async (t) => {
  const { rig, sshd, prints } = await fixture(t)
  const acceptKeys = [prints.ed25519]
  const add = (more: object) =>
    rig.post('/api/v1/ssh-targets', registration(sshd, { acceptKeys, ...more }))
  t.like(await add({ address: 'rival.corp' }), {
    status: 409,
    json: { error: { code: 'target_unfit' } },
  })
  t.is((await add({ acceptKeys: [] })).status, 400)
  t.is((await add({ address: 'a b' })).status, 400)
  t.is((await add({ network: 'lab' })).status, 400)
  t.is((await add({ host_keys: [sshd.hostKey] })).status, 400)
})

const unreachable: Readonly<Record<string, readonly [host: string, code: string]>> = {
  'the metadata service': ['169.254.169.254', 'address_forbidden'],
  'no address': ['0.0.0.0', 'address_forbidden'],
  'a port where nothing listens': ['127.0.0.1', 'target_unreachable'],
}

for (const [title, [host, code]] of Object.entries(unreachable)) {
  test(`S4: a scan of ${title} is refused`, async (t) => {
    const { rig } = await api(t, { address: '127.0.0.1', port: 1, user: 'x' } as Sshd)
    t.like(await rig.post('/api/v1/ssh-targets/scan', { host, port: 1 }), {
      status: 502,
      json: { error: { code } },
    })
  })
}
