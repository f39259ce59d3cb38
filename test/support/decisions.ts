/** Scripted decisions and targets, for tests of enforcement. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { ExecutionContext } from 'ava'
import { err, ok } from '#lib/result'
import type { Decider } from '../../gateway/enforce/decider.ts'
import { dialTarget } from '../../gateway/enforce/dial-client.ts'
import { createDialIcmp } from '../../gateway/enforce/dial-icmp-client.ts'
import { dialUdp } from '../../gateway/enforce/dial-udp-client.ts'
import type { FlowServerDeps } from '../../gateway/enforce/flow-deps.ts'
import { createFlowServer } from '../../gateway/enforce/flow-server.ts'
import { createResolver } from '../../gateway/enforce/resolve-client.ts'
import type { FlowRecord } from '../../gateway/flow/flow-record.ts'
import { createFlowTable, type FlowTable } from '../../gateway/flow/flow-table.ts'
import type { Denial, Permit } from '../../gateway/policy/decision.ts'
import type { Reason } from '../../gateway/policy/reasons.ts'
import { type Holding, startHolding } from '../../gateway/prompt/hold-job.ts'
import type { TunnelHandlers } from '../../gateway/tunnel/incoming.ts'
import type { TunnelServerOptions } from '../../gateway/tunnel/tunnel-server.ts'
import { onlySubject } from './sample-facts.ts'
import { memoryLog, startTunnel, type Tunnel } from './tunnel.ts'

export const permit: Permit = {
  kind: 'permit',
  reason: 'allowed_by_policy',
  application: 'wiki',
  policy: 'staff',
  enforcement: { kind: 'relay' },
  revision: 1,
  trace: [],
}

export const denial = (reason: Reason): Denial => ({
  kind: 'denial',
  reason,
  remedy: 'none',
  revision: 1,
  trace: [],
})

export const permitAll: Decider = {
  revision: 1,
  decide: () => permit,
  decideAddress: () => permit,
}

/** A TCP server that counts who connects. */
export type Target = { readonly port: number; readonly sockets: Socket[] }

export async function startTarget(
  t: ExecutionContext,
  onSocket: (socket: Socket) => void,
): Promise<Target> {
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

/** A tunnel whose flows are enforced; records are kept, newest state of each flow. */
export type Enforced = {
  readonly tunnel: Tunnel
  readonly table: FlowTable
  readonly holding: Holding
  readonly records: Map<string, FlowRecord>
  /** Settles with the record of the next flow that is closed. */
  closedRecord(): Promise<FlowRecord>
}

export async function startEnforced(
  t: ExecutionContext,
  change: Partial<FlowServerDeps> &
    Partial<Pick<TunnelHandlers, 'onControl' | 'posts'>> & { readonly waitMs?: number } = {},
  serverChange: Partial<TunnelServerOptions> = {},
): Promise<Enforced> {
  const table = change.table ?? createFlowTable()
  const records = new Map<string, FlowRecord>()
  const waiting: ((record: FlowRecord) => void)[] = []
  const closed: FlowRecord[] = []
  const put = (record: FlowRecord) => {
    records.set(record.id, record)
    if (record.state !== 'closed') return
    const next = waiting.shift()
    if (next === undefined) closed.push(record)
    else next(record)
  }
  const user = {
    id: 'user-1',
    provider: 'corp',
    providerSubject: '1',
    email: 'demo@example.com',
    name: 'Demo',
    groups: ['engineers'],
    claims: {},
    lastLoginAtMs: 0,
  }
  const holding = startHolding({
    requestApproval: () => err('policy_changed'),
    isDenied: () => false,
    loginOrigin: 'https://login.example.com',
    device: (id) => tunnel.devices.get(id),
    table,
    waitMs: () => change.waitMs ?? 60_000,
    log: memoryLog(),
    now: Date.now,
  })
  t.teardown(() => holding.stop())
  const onFlow = createFlowServer({
    hold: holding.hold,
    decider: permitAll,
    table,
    records: { put, now: Date.now },
    standing: onlySubject,
    user: (id) => (id === user.id ? user : undefined),
    resolve: createResolver({ hosts: new Map([['wiki', '127.0.0.1']]) }),
    aliasesOf: async () => ok([]),
    dial: dialTarget,
    dialUdp,
    dialIcmp: createDialIcmp(memoryLog()),
    serveSsh: () => Promise.reject(new Error('no SSH in this test')),
    sessions: { used: () => undefined },
    reconsiderAt: () => undefined,
    notify: () => undefined,
    tell: () => undefined,
    log: memoryLog(),
    now: Date.now,
    ...change,
  })
  const { onControl, posts } = change
  const handlers = { ...(onControl && { onControl }), ...(posts && { posts }) }
  const tunnel = await startTunnel(t, { onFlow, ...handlers }, serverChange)
  return {
    tunnel,
    table,
    holding,
    records,
    closedRecord: () => {
      const record = closed.shift()
      return record === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(record)
    },
  }
}
