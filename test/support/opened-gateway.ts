/** A gateway of a fresh organisation in this process, on free ports. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { Log } from '#lib/log'
import type { GatewayConfig } from '../../gateway/config/gateway-config.ts'
import { startGateway } from '../../gateway/gateway-server.ts'
import { initialise } from '../../gateway/init-os.ts'
import { type OpenedData, openData } from '../../gateway/open-data-os.ts'
import { parsePolicy } from '../../gateway/policy/parse.ts'
import type { PolicySource } from '../../gateway/policy-source.ts'
import type { Gateway } from '../../gateway/running-gateway-job.ts'

export const QUIET: Log = { info() {}, warn() {}, error() {} }

const listener = (name: string) => ({
  listen: { host: '127.0.0.1', port: 0 },
  url: `https://${name}.example.com`,
})

export const CONFIG: GatewayConfig = {
  organisation: 'Example',
  data: '/nonexistent',
  tunnel: listener('gw'),
  login: listener('login'),
  admin: listener('admin'),
  loginSessionMs: 0,
  loginPage: {},
  hosts: new Map(),
  alerts: [],
  identityProviders: [],
  history: { flowsMs: Number.POSITIVE_INFINITY, dnsLogMs: Number.POSITIVE_INFINITY },
}

/** A policy from its JSON. */
export function policySource(policy: unknown): PolicySource {
  const parsed = parsePolicy(policy)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return { text: JSON.stringify(policy), document: parsed.value }
}

export type OpenedGateway = {
  readonly gateway: Gateway
  readonly data: OpenedData
  readonly adminSecret: string
  readonly caPem: string
}

/** Starts it; it ends with the test. */
export async function openGateway(
  t: ExecutionContext,
  policy: PolicySource,
  log: Log = QUIET,
): Promise<OpenedGateway> {
  const dir = mkdtempSync(join(tmpdir(), 'zt-gateway-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const files = { data: join(dir, 'data'), configFile: join(dir, 'zt.yaml'), configText: '' }
  const made = await initialise({ ...files, organisation: 'Example', nowMs: Date.now() })
  if (!made.ok) throw new Error(made.error.message)
  const data = openData(files.data, { log, now: Date.now })
  if (!data.ok) throw new Error(data.error.message)
  t.teardown(() => data.value.store.close())
  const options = { config: CONFIG, policy, data: data.value, log, now: Date.now }
  const started = await startGateway(options)
  if (!started.ok) throw new Error(started.error.message)
  t.teardown(() => started.value.drain(0))
  return {
    gateway: started.value,
    data: data.value,
    adminSecret: made.value.adminSecret,
    caPem: data.value.keys.gatewayCa.certificatePem,
  }
}
