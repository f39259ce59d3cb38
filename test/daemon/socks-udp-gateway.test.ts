/** Datagrams the whole way: a SOCKS5 client, the daemon's proxy port, the tunnel, the gateway's enforcement, a UDP server. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import test from 'ava'
import { SocksClient } from 'socks'
import { createResolver } from '../../gateway/enforce/resolve-client.ts'
import { controlServer, registrationOf, startDaemonRig } from '../support/daemon-rig.ts'
import { startUdpTarget } from '../support/datagrams.ts'
import { denial, permitAll, startEnforced } from '../support/decisions.ts'

test('D1 G4: datagrams of a SOCKS5 client reach a target behind the gateway, and what policy denies does not', async (t) => {
  const target = await startUdpTarget(t)
  const decide: typeof permitAll.decide = (facts) =>
    facts.destination.host.startsWith('denied.')
      ? denial('no_application')
      : permitAll.decide(facts)
  const hosts = ['echo', 'denied'].map((name) => [`${name}.corp.internal`, '127.0.0.1'] as const)
  const enforced = await startEnforced(t, {
    decider: { ...permitAll, decide },
    resolve: createResolver({ hosts: new Map(hosts) }),
    onControl: controlServer().onControl,
  })
  const registration = registrationOf(enforced.tunnel, await enforced.tunnel.enrol())
  const rig = await startDaemonRig(t, { registration })
  await rig.until(({ state }) => state === 'connected')
  const client = new SocksClient({
    command: 'associate',
    proxy: { host: '127.0.0.1', port: rig.daemon.proxyPort, type: 5 },
    destination: { host: '0.0.0.0', port: 0 },
  })
  client.connect()
  const [{ socket: association, remoteHost: relay }] = await once(client, 'established')
  t.teardown(() => association.destroy())
  const program = createSocket('udp4').bind(0, '127.0.0.1')
  t.teardown(() => program.close())
  const send = (name: string, text: string): void => {
    const remoteHost = { host: `${name}.corp.internal`, port: target.port }
    const frame = SocksClient.createUDPFrame({ remoteHost, data: Buffer.from(text) })
    program.send(frame, relay.port, '127.0.0.1')
  }
  send('denied', 'never')
  t.like(await enforced.closedRecord(), { verdict: 'denial', reason: 'no_application' })
  for (const text of ['one', 'x'.repeat(1400)]) {
    send('echo', text)
    const [message] = await once(program, 'message')
    const { remoteHost, data } = SocksClient.parseUDPFrame(message as Buffer)
    t.deepEqual([remoteHost.port, String(data)], [target.port, text])
  }
  association.destroy()
  t.like(await enforced.closedRecord(), {
    verdict: 'permit',
    closeReason: 'done',
    droppedDatagrams: 0,
    facts: { destination: { host: 'echo.corp.internal', transport: 'udp', port: target.port } },
  })
  t.is(target.received.length, 2)
})
