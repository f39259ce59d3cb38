/**
 * The SSH hop alone: the gateway's own inspection, keys and recordings, on a loopback port without tunnel and policy.
 *
 *   node ssh-hop-process.js SETTINGS.json      prints "ready" when it listens; SIGUSR2: prints the octets in use
 */

import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ok } from '#lib/result'
import { useBulkBuffers } from '#lib/tunnel/bulk-buffers-os'
import { openAuditLog } from '../../gateway/audit/audit-log-store.ts'
import { loadKeys } from '../../gateway/keys/key-store.ts'
import { createLiveSessions } from '../../gateway/live/live-sessions.ts'
import type { Permit, SshLimits } from '../../gateway/policy/decision.ts'
import { DEFAULT_SSH_GRANT } from '../../gateway/policy/ssh-grant.ts'
import { RecipientListFile } from '../../gateway/recording/recipient-list-store.ts'
import { openRecordingStore } from '../../gateway/recording/recording-store.ts'
import { HostKeys } from '../../gateway/ssh/login/host-keys.ts'
import { SessionCount } from '../../gateway/ssh/session-count.ts'
import { serveSsh } from '../../gateway/ssh/ssh-proxy-server.ts'
import { SSH_TIMING } from '../../gateway/ssh/ssh-service-deps.ts'
import { loadAeadBinding } from '../../gateway/ssh/transport/aead-binding-os.ts'
import { CLIENT_ALGORITHMS, SERVER_ALGORITHMS } from '../../gateway/ssh/transport/algorithms.ts'
import { openSshAuthorities } from '../../gateway/ssh-ca/ssh-authorities-store.ts'
import { openMemoryStore } from '../../gateway/store/memory-store.ts'

type Settings = {
  readonly port: number
  readonly record: 'required' | 'off'
  readonly keysDir: string
  readonly recordingsDir: string
  readonly recipientsFile: string
  readonly target: { readonly host: string; readonly port: number; readonly hostKey: string }
}

useBulkBuffers()
const [, , settingsFile = ''] = process.argv
const settings = JSON.parse(readFileSync(settingsFile, 'utf8')) as Settings
const silent = { info: () => {}, warn: () => {}, error: () => {} }

const keys = loadKeys(settings.keysDir)
if (!keys.ok) throw new Error(`keys: ${keys.error.reason}`)
const store = openMemoryStore()
const authorities = openSshAuthorities({ store, dir: settings.keysDir, now: Date.now })
if (!authorities.ok) throw new Error(`authorities: ${authorities.error.reason}`)
const recipients = new RecipientListFile(settings.recipientsFile, keys.value.recipientsSigner)
const loaded = await recipients.reload()
if (!loaded.ok) throw new Error(`recipients: ${loaded.error.reason}`)

const deps = {
  authorities: authorities.value,
  hostSeed: keys.value.hostSeed.export(),
  hostKeys: new HostKeys(),
  recordings: await openRecordingStore({
    directory: settings.recordingsDir,
    recipients: () => recipients.recipients,
    evidenceKey: keys.value.evidenceSigning,
    audit: openAuditLog(store.audit, Date.now),
    rows: store.recordings,
    freeSpaceReserveBytes: 0,
    log: silent,
  }),
  live: createLiveSessions(),
  shortNames: () => [],
  log: silent,
  now: Date.now,
  binding: loadAeadBinding(),
  algorithms: { user: SERVER_ALGORITHMS, target: CLIENT_ALGORITHMS },
  timing: SSH_TIMING,
  sessions: new SessionCount(),
}

const { target } = settings
const limits: SshLimits = {
  unixUsers: ['root'],
  record: settings.record,
  hostKeys: [target.hostKey],
  hostAuthorities: [],
  grants: [DEFAULT_SSH_GRANT],
}
const permit: Permit = {
  kind: 'permit',
  reason: 'allowed_by_policy',
  application: 'bench',
  policy: 'bench',
  enforcement: { kind: 'ssh', ssh: limits },
  revision: 1,
  trace: [],
}

let flows = 0
function serve(client: Socket): void {
  const toTarget = connect({
    host: target.host,
    port: target.port,
    noDelay: true,
    allowHalfOpen: true,
  })
  toTarget.once('error', () => client.destroy())
  toTarget.once('connect', () => {
    const served = serveSsh(
      {
        flowId: `bench-flow-${++flows}`,
        client,
        reach: async () => ok({ socket: toTarget, permit, limits }),
        facts: {
          subject: {
            userId: 'u',
            email: 'bench@corp.example',
            groups: [],
            deviceId: 'bench-device',
          },
          sourceAddress: '127.0.0.1',
          destination: { host: target.host, port: target.port, transport: 'tcp' },
        },
        dialled: target.host,
        onSession: () => {},
        tell: () => {},
        cutReason: () => undefined,
        hop: () => false,
      },
      deps,
    )
    served.catch((failure: unknown) => console.error(failure))
  })
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
process.on('SIGUSR2', () => {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  console.log(`in use ${heapUsed + external}`)
})

createServer({ noDelay: true, allowHalfOpen: true }, serve).listen(settings.port, '127.0.0.1', () =>
  console.log('ready'),
)
