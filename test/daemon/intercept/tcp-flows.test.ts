/** Connections beyond what there may be at once: a reset for each of them, counted. */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import test from 'ava'
import { Counting } from '../../../daemon/intercept/intercept-counters.ts'
import { createTcpFlows } from '../../../daemon/intercept/tcp-flows-server.ts'
import { address } from '../../support/dns.ts'
import { memoryLog } from '../../support/tunnel.ts'

/** That may wait for a verdict. */
const PENDING = 2048
const MORE = 20

test('D2 T104: as many connections wait for a verdict as may; each one more is reset and counted, and room that is made is used', async (t) => {
  const counting = new Counting()
  const flows = createTcpFlows(
    {
      targetOf: (_, port) => ({ host: 'wiki.corp.internal', port }),
      openFlow: (_target, _claims, onGone) =>
        new Promise((resolve) => {
          onGone?.(() => resolve({ ok: false, error: { status: 499, reason: 'gone' } }))
        }),
      openDatagrams: async () => ({ ok: false, error: { status: 403, reason: 'denied' } }),
      answerQuery: async () => undefined,
      ...{ resolverAddresses: [], log: memoryLog() },
    },
    counting,
  )
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) =>
    flows.accept(client, { address: address('10.1.2.3'), port: 80 }),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    flows.close()
    server.close()
  })
  const begin = () => {
    const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
    return client.on('error', () => undefined).resume()
  }
  const connect = async () => {
    const client = begin()
    await once(client, 'connect')
    return client
  }
  const waiting = []
  while (counting.open.tcp < PENDING) waiting.push(await connect())
  t.deepEqual(counting.dropped, {})
  for (let more = 0; more < MORE; more++) {
    const refused = begin()
    await new Promise((resolve) => refused.once('close', resolve))
  }
  t.is(counting.dropped.table_full, MORE)
  t.is(counting.open.tcp, PENDING)
  waiting.pop()?.resetAndDestroy()
  while (counting.open.tcp === PENDING) await new Promise(setImmediate)
  const late = await connect()
  while (counting.open.tcp < PENDING) await new Promise(setImmediate)
  t.is(counting.dropped.table_full, MORE)
  t.false(late.destroyed)
  for (const client of [...waiting, late]) client.destroy()
})
