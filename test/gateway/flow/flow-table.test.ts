import test from 'ava'
import { createFlowTable, type OpenFlow } from '../../../gateway/flow/flow-table.ts'
import { permit } from '../../support/decisions.ts'
import { sampleFacts } from '../../support/sample-facts.ts'

type Cut = { id: string; reason: string }

function flow(id: string, cuts: Cut[], change: Partial<OpenFlow> = {}): OpenFlow {
  return {
    id,
    deviceId: 'device-1',
    userId: 'user-1',
    facts: sampleFacts(),
    openedAtMs: 0,
    cut: (reason) => cuts.push({ id, reason }),
    ...change,
  }
}

test('G10: cuts every flow of a device and no other', (t) => {
  const cuts: Cut[] = []
  const table = createFlowTable()
  table.open(flow('a', cuts))
  table.open(flow('b', cuts))
  table.open(flow('c', cuts, { deviceId: 'device-2' }))
  t.is(table.cutDevice('device-1', 'device_revoked'), 2)
  t.deepEqual(cuts, [
    { id: 'a', reason: 'device_revoked' },
    { id: 'b', reason: 'device_revoked' },
  ])
  t.is(table.count, 1)
  t.is(table.countOf('device-1'), 0)
  t.is(table.cutDevice('device-1', 'device_revoked'), 0)
})

test('G10: cuts by application and by revision of the latest decision', (t) => {
  const cuts: Cut[] = []
  const table = createFlowTable()
  table.open(flow('a', cuts))
  table.open(flow('b', cuts))
  t.true(table.update('a', { decision: { ...permit, application: 'wiki', revision: 2 } }))
  t.is(
    table.cutWhere((live) => (live.decision?.revision ?? 0) < 2, 'blocked_by_rule'),
    1,
  )
  t.deepEqual(cuts, [{ id: 'b', reason: 'blocked_by_rule' }])
  t.is(
    table.cutWhere((live) => live.decision?.application === 'wiki', 'denied_by_policy'),
    1,
  )
  t.is(table.count, 0)
})

test('G10: a flow that was cut while it was being decided is refused its decision', (t) => {
  const table = createFlowTable()
  table.open(flow('a', []))
  table.cutDevice('device-1', 'device_revoked')
  t.false(table.update('a', { decision: permit }))
})

test('a flow is out of the table before its cut is called', (t) => {
  const table = createFlowTable()
  const seen: number[] = []
  table.open(flow('a', [], { cut: () => seen.push(table.count) }))
  table.open(flow('b', [], { cut: () => seen.push(table.count) }))
  table.cutWhere(() => true, 'gateway_draining')
  t.deepEqual(seen, [0, 0])
})

test('refuses a device above its limit, and takes it again when a flow has closed', (t) => {
  const table = createFlowTable({ perDevice: 2, total: 10, pingsPerDevice: 1 })
  t.true(table.open(flow('a', [])).ok)
  t.true(table.open(flow('b', [])).ok)
  t.deepEqual(table.open(flow('c', [])), { ok: false, error: { reason: 'too_many_flows' } })
  t.true(table.open(flow('d', [], { deviceId: 'device-2' })).ok)
  table.close('a')
  table.close('a')
  t.true(table.open(flow('c', [])).ok)
})

test('refuses pings of a device above their limit, and nothing else', (t) => {
  const table = createFlowTable({ perDevice: 10, total: 10, pingsPerDevice: 1 })
  const ping = (id: string, more = {}) => {
    const { facts, ...rest } = flow(id, [])
    const destination = { ...facts.destination, port: 0, transport: 'icmp' as const }
    return { ...rest, facts: { ...facts, destination }, ...more }
  }
  t.true(table.open(ping('a')).ok)
  t.deepEqual(table.open(ping('b')), { ok: false, error: { reason: 'too_many_flows' } })
  t.true(table.open(flow('c', [])).ok)
  t.true(table.open(ping('d', { deviceId: 'device-2' })).ok)
  table.close('a')
  t.true(table.open(ping('b')).ok)
})

test('refuses any flow above the total', (t) => {
  const table = createFlowTable({ perDevice: 2, total: 1, pingsPerDevice: 1 })
  t.true(table.open(flow('a', [])).ok)
  t.false(table.open(flow('b', [], { deviceId: 'device-2' })).ok)
})

test('an id that is in the table already is a bug, never a replacement', (t) => {
  const table = createFlowTable()
  table.open(flow('a', []))
  t.throws(() => table.open(flow('a', [])), { message: /in the table already/ })
})
