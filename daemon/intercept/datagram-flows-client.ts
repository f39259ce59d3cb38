/** All conversations of programs in datagrams, bounded; and questions to our resolver, which need none. */
import { equalAddresses, type IpAddress } from '#lib/net/address'
import type { Result } from '#lib/result'
import { answersTo, type Datagram, readEcho, readUdp, refusalOf } from './datagram.ts'
import { HOST_UNREACHABLE, PORT_UNREACHABLE } from './icmp-message.ts'
import { IdleTable } from './idle-table.ts'
import type { Counting, DropReason } from './intercept-counters.ts'
import type { InterceptDeps } from './intercept-deps.ts'
import { destinationOf, type IpPacket } from './ip-packet.ts'
import { type FlowHost, ProgramFlow } from './program-flow-client.ts'

export interface DatagramFlows {
  onUdp(packet: IpPacket): void
  onEcho(packet: IpPacket): void
  close(): void
}

export type DatagramOptions = {
  readonly counting: Counting
  readonly write: (frame: Buffer) => void
  readonly nowMs?: () => number
  /** Conversations of each transport at once; the one longest unused makes room. Default 4096. */
  readonly flowLimit?: number
}

const FLOW_LIMIT = 4096
const SWEEP_MS = 5000
/** Questions at the resolver at once. */
const DNS_LIMIT = 512
const DNS_PORT = 53

export function createDatagramFlows(deps: InterceptDeps, options: DatagramOptions): DatagramFlows {
  const { counting, nowMs = Date.now, flowLimit = FLOW_LIMIT } = options
  const tables = {
    udp: new IdleTable<ProgramFlow>(flowLimit),
    icmp: new IdleTable<ProgramFlow>(flowLimit),
  }
  const write = (frame: Buffer | undefined): void => {
    if (frame !== undefined) options.write(frame)
  }
  const host: FlowHost = { deps, counting, write, nowMs, waitingOctets: 0 }
  let questions = 0

  function onDatagram(read: Result<Datagram, DropReason>): void {
    if (!read.ok) {
      counting.drop(read.error)
      return
    }
    const { transport, key } = read.value
    const known = tables[transport].use(key, nowMs())
    if (known?.take(read.value)) return
    if (known !== undefined) forget(known)
    const address = destinationOf(read.value.packet)
    if (isQuestion(read.value, address)) ask(read.value)
    else begin(read.value, address)
  }

  function begin(datagram: Datagram, address: IpAddress): void {
    const target = deps.targetOf(address, datagram.destinationPort)
    if (target === undefined) {
      counting.drop('unknown_destination')
      // A ping has no port.
      const isPing = datagram.transport === 'icmp'
      write(refusalOf(datagram, isPing ? HOST_UNREACHABLE : PORT_UNREACHABLE))
      return
    }
    const flow = new ProgramFlow(datagram, host)
    const evicted = tables[flow.transport].add(flow.key, flow)
    if (evicted !== undefined) counting.drop('table_full')
    evicted?.close()
    count()
    flow.take(datagram)
    void flow.open(target).then((how) => {
      if (how === 'over') forget(flow)
    })
  }

  function isQuestion({ transport, destinationPort }: Datagram, address: IpAddress): boolean {
    if (transport !== 'udp' || destinationPort !== DNS_PORT) return false
    return deps.resolverAddresses.some((own) => equalAddresses(own, address))
  }

  function ask(question: Datagram): void {
    if (questions >= DNS_LIMIT) {
      counting.drop('dns_busy')
      return
    }
    questions++
    const answers = answersTo(question)
    void deps.answerQuery(question.payload, 'udp').then((answer) => {
      questions--
      if (answer !== undefined) write(answers.print(answer))
    })
  }

  function forget(flow: ProgramFlow): void {
    if (tables[flow.transport].remove(flow.key, flow)) flow.close()
    count()
  }

  function closeEach(flows: readonly ProgramFlow[]): void {
    for (const flow of flows) flow.close()
    count()
  }

  function count(): void {
    counting.open.udp = tables.udp.size
    counting.open.icmp = tables.icmp.size
  }

  const sweep = setInterval(() => {
    closeEach([...tables.udp.takeIdle(nowMs()), ...tables.icmp.takeIdle(nowMs())])
  }, SWEEP_MS)
  sweep.unref()

  return {
    onUdp: (packet) => onDatagram(readUdp(packet)),
    onEcho: (packet) => onDatagram(readEcho(packet)),
    close: () => {
      clearInterval(sweep)
      closeEach([...tables.udp.takeAll(), ...tables.icmp.takeAll()])
    },
  }
}
