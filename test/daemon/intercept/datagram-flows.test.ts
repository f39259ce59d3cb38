import test from 'ava'
import type { IpAddress } from '#lib/net/address'
import { err, ok } from '#lib/result'
import type { DatagramFlow } from '#lib/tunnel/datagram-flow'
import { createDatagramFlows } from '../../../daemon/intercept/datagram-flows-client.ts'
import { Counting } from '../../../daemon/intercept/intercept-counters.ts'
import type { InterceptDeps } from '../../../daemon/intercept/intercept-deps.ts'
import { type IpPacket, parsePacket } from '../../../daemon/intercept/ip-packet.ts'
import { printUdp } from '../../../daemon/intercept/udp-message.ts'
import { type Deferred, deferred } from '../../support/deferred.ts'

type Opened = Awaited<ReturnType<InterceptDeps['openDatagrams']>>
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }
const RESOLVER: IpAddress = { version: 4, bytes: Uint8Array.of(10, 128, 0, 53) }
const REFUSED = err({ status: 403, reason: 'denied' })

function rig(flowLimit?: number) {
  const asked: Deferred<Opened>[] = []
  const written: Buffer[] = []
  const counting = new Counting()
  const clock = { nowMs: 0 }
  let questions = 0
  const deps: InterceptDeps = {
    targetOf: ({ bytes }, port) => ({ host: bytes.join('.'), port }),
    openFlow: async () => REFUSED,
    openDatagrams: () => {
      const opening = deferred<Opened>()
      asked.push(opening)
      return opening.promise
    },
    answerQuery: () => {
      questions++
      return new Promise(() => undefined)
    },
    resolverAddresses: [RESOLVER],
    log: quiet,
  }
  const flows = createDatagramFlows(deps, {
    ...{ counting, write: (frame) => void written.push(frame), nowMs: () => clock.nowMs },
    ...(flowLimit !== undefined && { flowLimit }),
  })
  return { flows, asked, written, counting, clock, questions: () => questions }
}

/** A datagram from this port to 10.128.0.`host`. */
function datagram(sourcePort: number, host = 6, destinationPort = 9, octets = 1): IpPacket {
  const addresses = Uint8Array.of(198, 18, 0, 1, 10, 128, 0, host)
  const path = { version: 4, addresses, sourcePort, destinationPort } as const
  const packet = parsePacket(printUdp(path, Buffer.alloc(octets)) ?? Buffer.alloc(0))
  if (!packet.ok) throw new Error(packet.error)
  return packet.value
}

function carried() {
  const closed = deferred<{ reason: string }>()
  const sent: Uint8Array[] = []
  const flow: DatagramFlow = {
    send: (payload) => void sent.push(payload),
    onDatagram: () => undefined,
    close: () => closed.resolve({ reason: 'closed' }),
    dropped: 0,
    closed: closed.promise,
  }
  return { flow, sent, closed }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('D2: what the tunnel cannot take is counted', async (t) => {
  const { flows, asked, counting } = rig()
  flows.onUdp(datagram(1000))
  const { flow } = carried()
  let dropped = 0
  const send = (payload: Uint8Array): void => {
    dropped += payload.length > 1 ? 1 : 0
  }
  asked[0]?.resolve(ok(Object.defineProperty({ ...flow, send }, 'dropped', { get: () => dropped })))
  await turn()
  for (const octets of [1, 2, 1, 2]) flows.onUdp(datagram(1000, 6, 9, octets))
  t.is(counting.dropped.queue_full, 2)
})

test('D2: what waits for a verdict is bounded, and goes on in order after it', async (t) => {
  const { flows, asked, counting } = rig()
  for (let count = 0; count < 40; count++) flows.onUdp(datagram(1000, 6, 9, count))
  t.is(asked.length, 1)
  t.is(counting.dropped.queue_full, 24)
  const { flow, sent } = carried()
  asked[0]?.resolve(ok(flow))
  await turn()
  t.deepEqual(
    sent.map(({ length }) => length),
    Array.from({ length: 16 }, (_, index) => index),
  )
  flows.close()
  t.deepEqual(counting.open, { tcp: 0, udp: 0, icmp: 0 })
})

test('D2: a refusal answers what follows, and nobody is asked again for a while', async (t) => {
  const { flows, asked, counting, clock, written } = rig()
  flows.onUdp(datagram(1000))
  asked[0]?.resolve(REFUSED)
  await turn()
  flows.onUdp(datagram(1000))
  t.is(asked.length, 1)
  t.is(written.length, 2)
  t.is(counting.dropped.refused, 2)
  clock.nowMs = 2000
  flows.onUdp(datagram(1000))
  t.is(asked.length, 2)
  flows.close()
})

test('D2 T104: the flow that was unused longest makes room, and is closed', async (t) => {
  const { flows, asked, counting } = rig(2)
  const first = carried()
  flows.onUdp(datagram(1))
  asked[0]?.resolve(ok(first.flow))
  await turn()
  flows.onUdp(datagram(2))
  flows.onUdp(datagram(3))
  t.is(counting.dropped.table_full, 1)
  t.is(counting.open.udp, 2)
  t.deepEqual(await first.closed.promise, { reason: 'closed' })
  flows.close()
  const late = carried()
  asked[1]?.resolve(ok(late.flow))
  t.deepEqual(await late.closed.promise, { reason: 'closed' }, 'what opens too late is closed')
})

test('D2: a flow that the gateway cut is asked for anew', async (t) => {
  const { flows, asked, counting } = rig()
  const cut = carried()
  flows.onUdp(datagram(1))
  asked[0]?.resolve(ok(cut.flow))
  await turn()
  cut.closed.resolve({ reason: 'revoked' })
  await turn()
  t.is(counting.open.udp, 0)
  flows.onUdp(datagram(1))
  t.is(asked.length, 2)
  flows.close()
})

test('D3 T104: questions at the resolver are bounded, and other datagrams are none', (t) => {
  const { flows, asked, counting, questions } = rig()
  for (let port = 1; port <= 600; port++) flows.onUdp(datagram(port, 53, 53))
  t.is(questions(), 512)
  t.is(counting.dropped.dns_busy, 88)
  flows.onUdp(datagram(1, 6, 53))
  flows.onUdp(datagram(1, 53, 54))
  t.is(asked.length, 2)
  flows.close()
})
