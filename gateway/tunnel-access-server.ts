/**
 * Access through the tunnel, put together: the listener, the enforcement of flows, the control streams.
 */
import type { Log } from '#lib/log'
import { dialTarget } from './enforce/dial-client.ts'
import { explainFlow } from './enforce/explain-flow.ts'
import { createFlowServer } from './enforce/flow-server.ts'
import { createPolicyDecider } from './enforce/policy-decider.ts'
import { createResolver } from './enforce/resolve-client.ts'
import type { ServeSsh } from './enforce/ssh-service.ts'
import type { FlowRecord } from './flow/flow-record.ts'
import type { FlowTable } from './flow/flow-table.ts'
import type { Authority } from './keys/gateway-keys.ts'
import type { ServerCertificate } from './keys/server-certificate.ts'
import type { CompiledPolicy } from './policy/compile.ts'
import type { PolicySnapshot } from './policy-snapshot.ts'
import type { Store } from './store/store.ts'
import { createControlServer } from './tunnel/control-server.ts'
import { deviceSettings } from './tunnel/device-settings.ts'
import type { PostHandler } from './tunnel/incoming.ts'
import { startTunnelServer } from './tunnel/tunnel-server.ts'

export type TunnelAccessOptions = {
  readonly listen: { readonly host: string; readonly port: number }
  readonly tls: ServerCertificate
  readonly deviceCa: Pick<Authority, 'certificatePem'>
  readonly store: Store
  readonly snapshot: PolicySnapshot<CompiledPolicy>
  readonly table: FlowTable
  /** Fixed addresses by canonical host name. */
  readonly hosts: Readonly<Record<string, string>>
  /** OpenSSH lines of the SSH host CA, for daemons. */
  readonly sshHostAuthorities: readonly string[]
  readonly serveSsh: ServeSsh
  /** Answers to small posts of devices, by path. */
  readonly posts: ReadonlyMap<string, PostHandler>
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface TunnelAccess {
  readonly address: { readonly host: string; readonly port: number }
  /** Closes the connections of a device at once, and its flows with them. @returns how many connections. */
  closeDevice(deviceId: string, reason: string): number
  /** Accepts nothing new, lets flows end, closes all that is left after `deadlineMs`. */
  drain(deadlineMs: number): Promise<void>
}

/** Listens. @throws {Error} when the address cannot be bound. */
export async function startTunnelAccess(options: TunnelAccessOptions): Promise<TunnelAccess> {
  const { store, snapshot, table, log, now, serveSsh } = options
  const decider = createPolicyDecider(snapshot, now)
  const resolve = createResolver({ hosts: () => options.hosts })
  const user = (id: string) => store.users.get(id)
  const records = { put: (record: FlowRecord) => store.flows.put(record), now }
  const control = createControlServer({
    user,
    settings: () => deviceSettings(snapshot.current.policy.document, options.sshHostAuthorities),
    explain: (facts) => explainFlow(facts, decider, resolve),
    applications: (facts) => decider.applications(facts),
    log,
  })
  const onFlow = createFlowServer({
    ...{ decider, table, records, user, resolve, serveSsh, log, now },
    dial: dialTarget,
  })
  const server = await startTunnelServer({
    listen: options.listen,
    certificate: options.tls.certificatePem,
    key: options.tls.keyPem,
    deviceCa: options.deviceCa.certificatePem,
    device: (id) => store.devices.get(id),
    handlers: { onFlow, onControl: control.onControl, posts: options.posts },
    onConnected: (id) => store.devices.update(id, { lastSeenAtMs: now() }),
    log,
    now,
  })
  const stopPushing = snapshot.onChange(() => control.pushSettings())
  return {
    address: server.address,
    closeDevice: server.closeDevice,
    async drain(deadlineMs) {
      stopPushing()
      await server.drain(deadlineMs)
    },
  }
}
