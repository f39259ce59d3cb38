/** What is refused inside a session is refused with the words that sshd itself has for it (T40 to T44). */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import test from 'ava'
import type { SshClient } from '../support/ssh-client.ts'
import { type SshPair, startSshPair } from '../support/ssh-pair.ts'

let pair: SshPair
test.before(async () => {
  // The direct peer refuses by its own configuration what the gateway refuses by policy.
  pair = await startSshPair(['DisableForwarding yes', 'AcceptEnv none'])
})
test.after.always(() => pair.stop())

type Seen = { readonly code: number | null; readonly said: string }
type Refusal = { readonly try: (client: SshClient) => Promise<Seen>; readonly logged: object }

/** Ports are ours and differ from run to run. */
const said = (text: string) =>
  text
    .replaceAll(/\d{4,5}/g, 'PORT')
    .replaceAll('\r', '')
    .trim()
const ssh = async (client: SshClient, ...args: readonly string[]): Promise<Seen> => {
  const { code, stdout, stderr } = await client.ssh(args)
  return { code, said: said(stdout.toString() + stderr) }
}

const refusals: Readonly<Record<string, Refusal>> = {
  'agent forwarding (-A)': {
    try: async (client) => {
      const command = ['ssh', '-F', client.config, '-A', 'target', 'printenv SSH_AUTH_SOCK']
      const { code, stdout, stderr } = await client.run(['ssh-agent', ...command])
      return { code, said: said(stdout.toString() + stderr) }
    },
    logged: { what: 'auth-agent-req@openssh.com', reason: 'verb_not_granted' },
  },
  'X11 (-Y)': {
    try: (client) => ssh(client, '-Y', 'target', 'printenv DISPLAY'),
    logged: { what: 'x11-req', reason: 'verb_not_granted' },
  },
  'a direct connection (-W)': {
    try: (client) => ssh(client, '-W', '127.0.0.1:5432', 'target'),
    logged: { what: 'direct-tcpip', target: '127.0.0.1:5432', reason: 'verb_not_granted' },
  },
  'a remote forwarding (-R)': {
    try: (client) =>
      ssh(client, '-o', 'ExitOnForwardFailure=yes', '-R', '8099:127.0.0.1:1', 'target', 'id'),
    logged: { what: 'tcpip-forward', target: 'localhost:8099', reason: 'verb_not_granted' },
  },
  'a remote socket (-R)': {
    try: (client) => ssh(client, '-R', '/tmp/zt-no.sock:127.0.0.1:1', 'target', 'echo on'),
    logged: { what: 'streamlocal-forward@openssh.com', target: '/tmp/zt-no.sock' },
  },
  'a local forwarding (-L)': {
    try: localForward,
    logged: { what: 'direct-tcpip', target: '127.0.0.1:5432', reason: 'verb_not_granted' },
  },
  'an unknown subsystem': {
    try: (client) => ssh(client, '-s', 'target', 'netconf'),
    logged: { what: 'subsystem', target: 'netconf' },
  },
}
for (const [title, { try: attempt, logged }] of Object.entries(refusals)) {
  test.serial(`S5 T40 T42 T44: refused as sshd does, and logged: ${title}`, async (t) => {
    const direct = await attempt(pair.direct)
    t.deepEqual(await attempt(pair.proxied), direct)
    t.log(direct.said)
    await pair.gateway.lastEnd()
    const found = pair.gateway.log.find(({ what }) => 'what' in logged && what === logged.what)
    t.like(found, logged)
  })
}

test.serial(
  'S5 T47: LD_PRELOAD never reaches the target, and is logged by name only',
  async (t) => {
    const args = ['-o', 'SetEnv=LD_PRELOAD=/tmp/evil.so', 'target', 'printenv LD_PRELOAD']
    t.deepEqual(await ssh(pair.proxied, ...args), { code: 1, said: '' })
    const refused = pair.gateway.log.filter(({ what }) => what === 'env')
    t.like(refused.at(-1), { target: 'LD_PRELOAD', reason: 'env_not_listed' })
    t.false(JSON.stringify(pair.gateway.log).includes('evil'))
  },
)

/** The session goes on after the forwarded connection was refused. */
async function localForward(client: SshClient): Promise<Seen> {
  const port = await freePort()
  const child = client.start(['-L', `${port}:127.0.0.1:5432`, 'target', 'echo up; cat'])
  let stderr = ''
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  await once(child.stdout ?? child, 'data')
  const socket = connect(port, '127.0.0.1')
  await once(socket.resume(), 'close')
  child.stdin?.end()
  const [code] = await once(child, 'close')
  return { code, said: said(stderr) }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = server.address()
  server.close()
  return typeof at === 'object' && at !== null ? at.port : 0
}
