import test from 'ava'
import { ConnectionPool } from '../../../daemon/tunnel/connection-pool.ts'
import { err, ok } from '../../../lib/result.ts'
import type { TunnelConnection } from '../../../lib/tunnel/tunnel-connection.ts'

/** A connection that does nothing; `end` closes it. */
function connectionWith({ openFlows = 0, usable = true, heardMs = 0 }) {
  let end = (): void => undefined
  const closed = new Promise<{ reason: string; flows: number }>((resolve) => {
    end = () => resolve({ reason: 'done', flows: 0 })
  })
  const lastHeard = { steadyMs: heardMs, wallMs: 0 }
  const connection = { openFlows, usable, lastHeard, closed } as unknown as TunnelConnection
  return { connection, end: () => end() }
}

function poolOf(...connections: readonly TunnelConnection[]): ConnectionPool {
  const pool = new ConnectionPool()
  for (const [slot, connection] of connections.entries()) pool.put(slot, connection)
  return pool
}

test('the least loaded connection comes first, the lower slot of equals', (t) => {
  const { connection: busy } = connectionWith({ openFlows: 2 })
  const { connection: first } = connectionWith({})
  const { connection: second } = connectionWith({})
  const { connection: draining } = connectionWith({ usable: false })
  t.deepEqual(poolOf(busy, draining, first, second).usable(), [first, second, busy])
})

test('a connection that is retired leaves its slot, and its flows count until it is closed', async (t) => {
  const { connection, end } = connectionWith({ openFlows: 3 })
  const { connection: other } = connectionWith({ openFlows: 1 })
  const pool = poolOf(other, connection)
  t.is(pool.retire(connection), 1)
  t.is(pool.retire(connection), undefined)
  t.deepEqual(pool.slots, [0])
  t.is(pool.openFlows, 4)
  end()
  await connection.closed
  await Promise.resolve()
  t.is(pool.openFlows, 1)
})

test('when the gateway was last heard is kept when its connection has gone', (t) => {
  const { connection } = connectionWith({ heardMs: 7 })
  const pool = poolOf(connection)
  t.is(pool.lastHeard?.steadyMs, 7)
  t.deepEqual(pool.takeAll(), [connection])
  t.deepEqual(pool.usable(), [])
  t.is(pool.lastHeard?.steadyMs, 7)
})

test('a flow that met a GOAWAY goes to another connection; any other refusal stands', async (t) => {
  const { connection: first } = connectionWith({})
  const { connection: second } = connectionWith({ openFlows: 1 })
  const pool = poolOf(first, second)
  const refusal = { status: 503, reason: 'gateway_draining' }
  const moved = await pool.place(async (one) => {
    if (one === second) return ok('carried')
    pool.retire(one)
    return err(refusal)
  })
  t.deepEqual(moved, ok('carried'))
  t.deepEqual(await pool.place(async () => err(refusal)), err(refusal))
  t.like(await poolOf().place(async () => ok('carried')), { error: { reason: 'not_connected' } })
})
