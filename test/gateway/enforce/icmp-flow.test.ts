import test, { type ExecutionContext } from 'ava'
import { createOpenDatagrams } from '../../../daemon/flow-client.ts'
import { compileRoutes } from '../../../daemon/route.ts'
import { createResolver } from '../../../gateway/enforce/resolve-client.ts'
import { encodeDatagram } from '../../../lib/tunnel/capsule.ts'
import { type AskedDatagrams, askDatagrams } from '../../support/datagrams.ts'
import { denial, type Enforced, permit, permitAll, startEnforced } from '../../support/decisions.ts'
import { pingLab } from '../../support/ping-lab.ts'
import { connectDevice } from '../../support/tunnel.ts'

const ROUTER = '10.77.0.1'

/** An echo request as it goes through the tunnel. */
function echo(sequence: number, data = 'data', identifier = 0x1234): Buffer {
  const head = Buffer.from([8, 0, 0, 0, 0, 0, 0, 0])
  head.writeUInt16BE(identifier, 4)
  head.writeUInt16BE(sequence, 6)
  return Buffer.concat([head, Buffer.from(data)])
}

function answered(request: Buffer): Buffer {
  const reply = Buffer.from(request)
  reply[0] = 0
  return reply
}

const ask = (t: ExecutionContext, { tunnel }: Enforced, host: string) =>
  askDatagrams(t, tunnel, { transport: 'icmp', host, port: 0 })

const send = (flow: AskedDatagrams, ...messages: readonly Buffer[]) =>
  flow.stream.write(Buffer.concat(messages.map(encodeDatagram)))

for (const host of [ROUTER, 'fd77::1']) {
  test(`the gateway pings ${host}: identifier, sequence and data come back, and it is recorded`, async (t) => {
    const { dialIcmp } = await pingLab(t)
    const enforced = await startEnforced(t, { dialIcmp })
    const flow = await ask(t, enforced, host)
    t.is(flow.status, 200)
    t.is(flow.headers['capsule-protocol'], '?1')
    for (const request of [echo(1), echo(2, ''), echo(3, 'x'.repeat(8972))]) {
      send(flow, request)
      t.deepEqual(await flow.next(), answered(request))
    }
    flow.stream.end()
    await flow.closed
    t.like(await enforced.closedRecord(), {
      verdict: 'permit',
      dialled: host,
      closeReason: 'done',
      facts: { destination: { host, port: 0, transport: 'icmp', address: host } },
    })
    t.is(enforced.table.count, 0)
  })
}

for (const [what, host, error, sysctl] of [
  ['a host that a router cannot reach', '10.78.0.1', [3, 1]],
  ['a host that a router forbids', '10.79.0.1', [3, 13]],
  ['an IPv6 host that a router forbids', 'fd79::1', [3, 10]],
  ['a host behind too many hops', '10.80.0.1', [11, 0], 'net.ipv4.ip_default_ttl=1'],
] as const) {
  test(`${what} is told as such, of the very request, and ends nothing`, async (t) => {
    const lab = await pingLab(t)
    if (sysctl !== undefined) await lab.sysctl(sysctl)
    const enforced = await startEnforced(t, { dialIcmp: lab.dialIcmp })
    const flow = await ask(t, enforced, host)
    for (const sequence of [1, 2]) {
      send(flow, echo(sequence))
      const told = Buffer.concat([Buffer.from([...error, 0, 0, 0, 0, 0, 0]), echo(sequence, '')])
      t.deepEqual(await flow.next(), told)
    }
    flow.stream.end()
    await flow.closed
    t.like(await enforced.closedRecord(), { closeReason: 'done' })
  })
}

test('a target that stops answering is quiet, and answers again when it does', async (t) => {
  const { dialIcmp, router } = await pingLab(t)
  const enforced = await startEnforced(t, { dialIcmp })
  const flow = await ask(t, enforced, ROUTER)
  send(flow, echo(1))
  await flow.next()
  await router('link set v1 down')
  send(flow, echo(2))
  await router('link set v1 up')
  send(flow, echo(3))
  const [, , , , , , , sequence] = await flow.next()
  t.true(sequence === 2 || sequence === 3)
})

test('what is no echo request of the flow is not sent: other types, another identifier, too short, too long', async (t) => {
  const { dialIcmp } = await pingLab(t)
  const enforced = await startEnforced(t, { dialIcmp })
  const flow = await ask(t, enforced, ROUTER)
  send(flow, echo(1))
  await flow.next()
  const redirect = Buffer.concat([Buffer.from([5, 1]), echo(2).subarray(2)])
  const coded = Buffer.concat([Buffer.from([8, 1]), echo(2).subarray(2)])
  const refused = [redirect, coded, answered(echo(2)), echo(2, 'data', 0x4321)]
  send(flow, ...refused, echo(2).subarray(0, 7), Buffer.alloc(0), echo(2, 'x'.repeat(8973)))
  send(flow, echo(9))
  t.deepEqual(await flow.next(), answered(echo(9)))
})

test('more than 50 requests at once are not sent, and are counted', async (t) => {
  const { dialIcmp } = await pingLab(t)
  const enforced = await startEnforced(t, { dialIcmp })
  const flow = await ask(t, enforced, ROUTER)
  send(flow, ...Array.from({ length: 500 }, (_, index) => echo(index)))
  const came: number[] = []
  for (let count = 0; count < 50; count++) came.push((await flow.next()).readUInt16BE(6))
  t.deepEqual(came, [...Array(50).keys()])
  flow.stream.end()
  await flow.closed
  t.true(Number((await enforced.closedRecord()).droppedDatagrams) > 400)
})

test('what is no stream of capsules resets the flow', async (t) => {
  const { dialIcmp } = await pingLab(t)
  const enforced = await startEnforced(t, { dialIcmp })
  const flow = await ask(t, enforced, ROUTER)
  flow.stream.write(Buffer.from('0000', 'hex'))
  await flow.closed
  t.like(await enforced.closedRecord(), { closeReason: 'bad_datagrams' })
})

test('policy is asked about ping: what it permits over TCP alone is refused, by name and by address', async (t) => {
  const { dialIcmp } = await pingLab(t)
  const onlyTcp = ({ destination }: { destination: { transport: string } }) =>
    destination.transport === 'tcp' ? permit : denial('no_application')
  for (const change of [{ decide: onlyTcp }, { decideAddress: onlyTcp }]) {
    const enforced = await startEnforced(t, { dialIcmp, decider: { ...permitAll, ...change } })
    const flow = await ask(t, enforced, ROUTER)
    t.is(flow.status, 403)
    t.like(await enforced.closedRecord(), { verdict: 'denial', reason: 'no_application' })
  }
})

test('G10: a cut ends a ping at once, and no answer passes any more', async (t) => {
  const { dialIcmp } = await pingLab(t)
  const enforced = await startEnforced(t, { dialIcmp })
  const flow = await ask(t, enforced, ROUTER)
  send(flow, echo(1))
  await flow.next()
  send(flow, echo(2))
  for (const { id } of enforced.table.list()) enforced.table.cut(id, 'session_revoked')
  await flow.closed
  t.not(flow.stream.rstCode, 0)
  t.like(await enforced.closedRecord(), { closeReason: 'session_revoked' })
})

test('a ping without messages ends after its idle time-out', async (t) => {
  const { dialIcmp } = await pingLab(t)
  const idle = { ...permit, idleTimeoutMs: 80 }
  const decider = { revision: 1, decide: () => idle, decideAddress: () => idle }
  const enforced = await startEnforced(t, { dialIcmp, decider })
  const flow = await ask(t, enforced, ROUTER)
  await flow.closed
  t.like(await enforced.closedRecord(), { closeReason: 'idle_timeout' })
})

test('an address without a route, and one that is no single host, are not pinged', async (t) => {
  const { dialIcmp } = await pingLab(t)
  const enforced = await startEnforced(t, { dialIcmp })
  for (const host of ['192.0.2.1', '10.77.0.255']) {
    const flow = await ask(t, enforced, host)
    t.is(flow.status, 502)
    t.regex(String(flow.headers['proxy-status']), /reason=target_unreachable/)
  }
})

test('where the kernel lets the gateway not ping, the flow is refused, and the log names cause and remedy', async (t) => {
  const { dialIcmp, log } = await pingLab(t, { groups: '1 0' })
  const enforced = await startEnforced(t, { dialIcmp })
  const flow = await ask(t, enforced, ROUTER)
  t.is(flow.status, 502)
  t.regex(String(flow.headers['proxy-status']), /reason=icmp_unavailable/)
  t.like(await enforced.closedRecord(), { verdict: 'denial', reason: 'icmp_unavailable' })
  const [line] = log.lines
  t.regex(String(line?.['cause']), /net\.ipv4\.ping_group_range is 1 0$/)
  t.regex(String(line?.['remedy']), /^sysctl -w net\.ipv4\.ping_group_range=/)
})

test('paths of ping: what names no host is refused, with a record', async (t) => {
  const enforced = await startEnforced(t)
  for (const path of ['/.well-known/zt/icmp//', '/.well-known/zt/icmp/a/80/', '/']) {
    const flow = await askDatagrams(t, enforced.tunnel, {
      transport: 'icmp',
      change: { ':path': path },
    })
    t.is(flow.status, 403)
    t.like(await enforced.closedRecord(), {
      closeReason: 'bad_destination',
      facts: { destination: { host: path, port: 0, transport: 'icmp' } },
    })
  }
})

test('the daemon pings what is behind the gateway, by name', async (t) => {
  const { dialIcmp } = await pingLab(t)
  const resolve = createResolver({ hosts: new Map([['wiki', ROUTER]]) })
  const enforced = await startEnforced(t, { dialIcmp, resolve })
  const tunnel = await connectDevice(t, enforced.tunnel.client(await enforced.tunnel.enrol()))
  const routes = compileRoutes(
    { domains: ['wiki'], prefixes: [], others: 'direct' },
    { gateway: [], ownPorts: [], refuseOthers: false },
  )
  const open = createOpenDatagrams({
    flowState: { isSettling: false, routes, tunnel },
    settled: () => Promise.resolve(),
  })
  const flow = await open('icmp', { host: 'wiki', port: 0 }, { process: 'ping' })
  if (!flow.ok) return t.fail(flow.error.reason)
  const answer = new Promise((resolve) =>
    flow.value.onDatagram((message) => resolve(Buffer.from(message))),
  )
  flow.value.send(echo(7))
  t.deepEqual(await answer, answered(echo(7)))
  flow.value.close()
  t.like(await enforced.closedRecord(), { process: 'ping', closeReason: 'done' })
  t.like(await open('icmp', { host: '127.0.0.1', port: 0 }, {}), {
    error: { reason: 'target_unreachable' },
  })
})
