/**
 * The interception engine in a network namespace, as the daemon would run it, with flows that go straight to a server.
 * argv: mode, mtu. Says `ready`, answers each line of input with its counters, ends with its input.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { createInterface } from 'node:readline'
import { formatAddress, type IpAddress, parseAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import type { DatagramFlow } from '#lib/tunnel/datagram-flow'
import type { FlowRefusal, FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { InterceptDeps } from '../../daemon/intercept/intercept-deps.ts'
import { startInterception } from '../../daemon/intercept/interception-server.ts'
import { openTun } from '../../daemon/intercept/tun-os.ts'
import { deferred } from './deferred.ts'

const [, , mode = 'redirect', mtu = '1500'] = process.argv
const SERVER = { v4: '10.200.0.1', v6: 'fd00:200::1' }
const REFUSED_PORT = 6666
const SYNTHETIC = new Map([['100.80.0.7', 'wiki.corp.internal']])

function address(text: string): IpAddress {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}

const serverOf = ({ host }: FlowTarget): string => (host.includes(':') ? SERVER.v6 : SERVER.v4)
const refusal = (status: number, reason: string) => err<FlowRefusal>({ status, reason })

const deps: InterceptDeps = {
  targetOf: (to, port) => {
    const host = formatAddress(to)
    if (SYNTHETIC.has(host)) return { host: SYNTHETIC.get(host) ?? '', port }
    return host.startsWith('100.80.') ? undefined : { host, port }
  },
  openFlow: async (target) => {
    if (target.port === REFUSED_PORT) return refusal(403, 'denied')
    const flow = net.connect({ host: serverOf(target), port: target.port, allowHalfOpen: true })
    return once(flow.setNoDelay(), 'connect').then(
      () => ok(flow),
      () => refusal(502, 'connection_refused'),
    )
  },
  openDatagrams: async (transport, target) => {
    if (target.port === REFUSED_PORT) return refusal(403, 'denied')
    return transport === 'udp' ? udpFlow(target) : pingFlow(target)
  },
  answerQuery: async (query, via) => answer(Buffer.from(query), via),
  resolverAddresses: [address('100.80.0.53')],
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
}

async function udpFlow(target: FlowTarget): Promise<Result<DatagramFlow, FlowRefusal>> {
  const socket = dgram.createSocket(target.host.includes(':') ? 'udp6' : 'udp4')
  const closed = deferred<{ reason: string }>()
  socket.on('error', () => undefined).on('close', () => closed.resolve({ reason: 'closed' }))
  socket.connect(target.port, serverOf(target))
  await once(socket, 'connect')
  return ok({
    send: (payload) => socket.send(payload),
    onDatagram: (listener) => void socket.on('message', listener),
    close: () => void socket.close(),
    dropped: 0,
    closed: closed.promise,
  })
}

/** The real ping, from here to the server, for each echo request; `.13` is unreachable. */
function pingFlow(target: FlowTarget): Result<DatagramFlow, FlowRefusal> {
  const closed = deferred<{ reason: string }>()
  let listener: (payload: Uint8Array) => void = () => undefined
  const send = (payload: Uint8Array): void => {
    const message = Buffer.from(payload)
    message[0] = 0
    if (target.host.endsWith('.13')) message.set([3, 1])
    execFile('ping', ['-nc1', '-W20', serverOf(target)], (error) => {
      if (!error) listener(message)
    })
  }
  const onDatagram = (take: typeof listener): void => {
    listener = take
  }
  const close = (): void => closed.resolve({ reason: 'closed' })
  return ok({ send, onDatagram, close, dropped: 0, closed: closed.promise })
}

/** One A record for whatever is asked; over TCP a long TXT in its place. */
function answer(query: Buffer, via: 'udp' | 'tcp'): Buffer {
  let end = 12
  while (query[end]) end += (query[end] ?? 0) + 1
  const head = Buffer.from(query.subarray(0, end + 5))
  head.writeUInt16BE(0x8580, 2)
  head.writeUInt16BE(1, 6)
  head.writeUInt32BE(0, 8)
  const a = Buffer.from('c00c0001000100000005000464500007', 'hex')
  const txt = Buffer.concat([
    Buffer.from('c00c001000010000000500c9c8', 'hex'),
    Buffer.alloc(200, 120),
  ])
  return Buffer.concat([head, via === 'udp' ? a : txt])
}

const ip = (command: string): void => void execFileSync('ip', command.split(' '))

function setUp(): void {
  for (const command of [
    'addr add 198.18.0.1/30 dev zt0',
    'addr add fd5a:7::1/126 dev zt0 nodad',
    `link set zt0 mtu ${mtu} up`,
    'route add 10.128.0.0/16 dev zt0',
    'route add 100.80.0.0/16 dev zt0',
    '-6 route add fd00:128::/64 dev zt0',
  ])
    ip(command)
}

/** The rules are gone when this child is, and it is when we are. */
function redirectTo(port: number): ChildProcess {
  const nft = spawn('nft', ['-i'], { stdio: ['pipe', 'ignore', 'inherit'] })
  nft.stdin?.write(`add table inet zt { flags owner; }
add chain inet zt out { type nat hook output priority -100; policy accept; }
add rule inet zt out oifname "zt0" meta l4proto tcp redirect to :${port}\n`)
  return nft
}

const opened = openTun('zt0')
if (!opened.ok) throw new Error(opened.error.detail)
setUp()
const engine = await startInterception(
  opened.value,
  deps,
  mode === 'redirect'
    ? { mode: 'redirect' }
    : { mode: 'tun-nat', addresses: [address('198.18.0.1'), address('fd5a:7::1')] },
)
if (engine.redirectPort !== undefined) redirectTo(engine.redirectPort)
while (engine.redirectPort !== undefined) {
  const rules = execFileSync('nft', ['list', 'tables']).toString()
  if (rules.includes('zt')) break
}
console.log(`ready ${JSON.stringify({ port: engine.redirectPort, warning: engine.warning })}`)
createInterface({ input: process.stdin })
  .on('line', () => {
    const { heapUsed, external } = process.memoryUsage()
    console.log(JSON.stringify({ ...engine.counters, memory: heapUsed + external }))
  })
  .on('close', () => {
    void engine.close().then(() => {
      opened.value.close()
      process.exit()
    })
  })
