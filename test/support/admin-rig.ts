/** The admin API over HTTPS on a memory store with a few people, and a client for it. */

import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { err, ok } from '#lib/result'
import { openAccessRequests } from '../../gateway/access-request/access-requests-store.ts'
import type { AdminDeps } from '../../gateway/admin/admin-deps.ts'
import { type AdminServer, startAdminServer } from '../../gateway/admin/admin-server.ts'
import { openAuditLog } from '../../gateway/audit/audit-log-store.ts'
import { createNameAnswerer } from '../../gateway/dns/name-answerer.ts'
import { createExplainer } from '../../gateway/enforce/explainer-client.ts'
import { createPolicyDecider } from '../../gateway/enforce/policy-decider.ts'
import { createFlowTap } from '../../gateway/flow/flow-tap.ts'
import { createLiveSessions } from '../../gateway/live/live-sessions.ts'
import type { CompiledPolicy } from '../../gateway/policy/compile.ts'
import { createPolicySnapshot } from '../../gateway/policy-snapshot.ts'
import { openServiceTokens } from '../../gateway/service-token/service-tokens-store.ts'
import { openSessions } from '../../gateway/session/sessions-store.ts'
import { openRegisteredTargets } from '../../gateway/ssh/login/registered-targets-store.ts'
import { openMemoryStore } from '../../gateway/store/memory-store.ts'
import type { Store } from '../../gateway/store/store.ts'
import { policyOf } from './policy-builder.ts'
import { onlySubject } from './sample-facts.ts'
import { sampleAuthorities } from './ssh-authorities.ts'
import { throwawayCa } from './throwaway-ca.ts'
import { memoryLog } from './tunnel.ts'

export const NOW_MS = Date.UTC(2026, 10, 21)
const SECRET = 'correct-horse'
export const OVERRIDE_KEY = Buffer.alloc(32, 7)

/** What the API asks about access; names do not resolve and nothing is dialled. */
export function policyParts(
  policy: CompiledPolicy = policyOf({}),
): Pick<
  AdminDeps,
  'standing' | 'explainer' | 'answerName' | 'resolvers' | 'policy' | 'flowTap' | 'sshTargets'
> {
  const now = () => NOW_MS
  const snapshot = createPolicySnapshot({ revision: policy.revision, policy })
  const explainer = createExplainer({
    decider: createPolicyDecider(snapshot, now),
    resolve: async () => ({ ok: false, error: { reason: 'name_not_found' } }),
    aliasesOf: async () => ok([]),
    dial: async () => ({ ok: false, error: { reason: 'target_unreachable' } }),
    log: memoryLog(),
    now,
  })
  const answerName = createNameAnswerer({
    decideName: createPolicyDecider(snapshot, now).decideName,
    nameServers: { ask: async () => undefined },
    resolve: async () => ({ ok: false, error: { reason: 'name_not_found' } }),
    hosts: new Map([['wiki.corp', '10.0.0.1']]),
    lookUp: (_device, _name, work) => work(),
  })
  const sshTargets = openRegisteredTargets({
    ...{
      store: openMemoryStore().sshTargets,
      policy: () => policy,
      onChange: () => undefined,
      now,
    },
    scan: async () => ({ ok: false, error: { reason: 'name_not_found' } }),
  })
  return {
    ...{
      standing: onlySubject,
      explainer,
      answerName,
      sshTargets,
      resolvers: () => [],
      flowTap: createFlowTap(),
    },
    policy: () => policy,
  }
}

/** Adds somebody with one device, `NAME-laptop`. */
export function addPerson(
  store: Store,
  name: string,
  {
    groups = [],
    lastSeenAtMs = NOW_MS,
  }: { groups?: readonly string[]; lastSeenAtMs?: number } = {},
): string {
  const login = { atMs: NOW_MS - 1000 }
  const described = { provider: 'corp', providerSubject: name, name, groups, claims: {}, login }
  const user = store.users.upsert({ ...described, email: `${name}@example.com` })
  const id = `${name}-laptop`
  const device = { id, userId: user.id, name: id, keySha256: id, enrolledAtMs: NOW_MS, login }
  store.devices.insert({ ...device, lastSeenAtMs })
  return id
}

export type ApiAnswer = {
  readonly status: number
  readonly body: string
  readonly octets: Buffer
  readonly json: unknown
}

export interface AdminRig {
  readonly store: Store
  get(path: string): Promise<ApiAnswer>
  post(path: string, body: unknown): Promise<ApiAnswer>
  /** An answer as it begins; whoever asks reads or destroys it. */
  open(path: string): Promise<IncomingMessage>
  readonly server: AdminServer
  readonly caPem: string
}

/** No recording is known. */
export const NO_KEEPING: AdminDeps['keeping'] = {
  hold: () => err('recording_unknown'),
  release: () => err('recording_unknown'),
  shred: async () => err('recording_unknown'),
}

/** Starts the API. */
export async function startAdminRig(
  t: ExecutionContext,
  { policy, change = {} }: { policy?: CompiledPolicy; change?: Partial<AdminDeps> } = {},
): Promise<AdminRig> {
  const recordingsDir = mkdtempSync(join(tmpdir(), 'zt-test-'))
  t.teardown(() => rmSync(recordingsDir, { recursive: true }))
  const store = openMemoryStore()
  const log = memoryLog()
  const ca = await throwawayCa()
  const { certPem, keyPem } = await ca.issue('admin.test')
  const server = await startAdminServer({
    url: new URL('https://admin.test'),
    tls: { certificatePem: certPem, keyPem },
    listen: { host: '127.0.0.1', port: 0 },
    ...{ store, log, recordingsDir, ...policyParts(policy) },
    audit: openAuditLog(store.audit, () => NOW_MS),
    signCheckpoint: async () => '',
    keeping: NO_KEEPING,
    evidenceSigner: () => Promise.reject(new Error('no evidence key')),
    posture: () => [],
    overrideKey: () => OVERRIDE_KEY,
    checkSecret: async (secret) => secret === SECRET,
    sessions: openSessions({ store, log, now: () => NOW_MS }),
    serviceTokens: openServiceTokens({ store, now: () => NOW_MS }),
    sshAuthorities: sampleAuthorities(t, store, () => NOW_MS),
    accessRequests: openAccessRequests({
      ...{ store, log, now: () => NOW_MS, tell: () => 0 },
      policy: () => policy ?? policyOf({}),
    }),
    live: createLiveSessions(),
    recipients: () => undefined,
    tell: () => 0,
    onDeviceRevoked: () => undefined,
    nowMs: () => NOW_MS,
    ...change,
  })
  t.teardown(() => server.close())
  const open = (sent: Sent) => send(server.address.port, ca.caPem, sent)
  const call = async (method: string, path: string, body?: string) =>
    whole(await open({ method, path, body }))
  return {
    ...{ store, server, caPem: ca.caPem },
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, JSON.stringify(body)),
    open: (path) => open({ method: 'GET', path }),
  }
}

type Sent = { readonly method: string; readonly path: string; readonly body?: string | undefined }

function send(port: number, ca: string, { method, path, body }: Sent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request({
      ...{ host: '127.0.0.1', port, ca, servername: 'admin.test', method, path },
      // A connection that was kept may be closed by the server in the moment it is used again.
      agent: false,
      headers: {
        host: 'admin.test',
        authorization: `Bearer ${SECRET}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
    })
    sent.on('error', reject)
    sent.on('response', resolve)
    sent.end(body)
  })
}

async function whole(response: IncomingMessage): Promise<ApiAnswer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  const octets = Buffer.concat(chunks)
  const body = octets.toString()
  return { status: response.statusCode ?? 0, body, octets, json: jsonOf(body) }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
