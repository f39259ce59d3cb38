/** One conversation of a program in datagrams, from the first one on: waits for the verdict, carries, or refuses. */
import type { DatagramFlow } from '#lib/tunnel/datagram-flow'
import type { FlowRefusal, FlowTarget } from '#lib/tunnel/tunnel-connection'
import { type Answers, answersTo, type Datagram } from './datagram.ts'
import { errorOf, HOST_UNREACHABLE, type IcmpError, PROHIBITED, quoteOf } from './icmp-message.ts'
import type { IdleFlow } from './idle-table.ts'
import type { Counting } from './intercept-counters.ts'
import type { InterceptDeps } from './intercept-deps.ts'

/** RFC 4787 section 4.3: not less than two minutes. */
const UDP_IDLE_MS = 120_000
/** One question, one answer. */
const DNS_IDLE_MS = 15_000
const DNS_PORT = 53
const ICMP_IDLE_MS = 30_000
/** A refusal is remembered this long: datagrams that follow ask nobody. */
const REFUSED_MS = 2000
/** Datagrams of one conversation, and octets of all, that wait for a verdict. */
const WAITING_LIMIT = 16
export const WAITING_OCTETS_LIMIT = 4 * 1024 * 1024

/** What all conversations share. */
export type FlowHost = {
  readonly deps: InterceptDeps
  readonly counting: Counting
  /** Hands a frame to the program; undefined is dropped. */
  readonly write: (frame: Buffer | undefined) => void
  readonly nowMs: () => number
  /** Octets that wait for a verdict, of all conversations. */
  waitingOctets: number
}

type Refused = { readonly error: IcmpError; readonly untilMs: number }

export class ProgramFlow implements IdleFlow {
  usedAtMs: number
  readonly idleMs: number
  readonly transport: 'udp' | 'icmp'
  readonly key: string
  readonly #host: FlowHost
  readonly #answers: Answers
  #quote: Buffer
  #waiting: Buffer[] = []
  #state: DatagramFlow | Refused | 'asking' | 'closed' = 'asking'
  #giveUp: () => void = () => undefined

  constructor(first: Datagram, host: FlowHost) {
    this.#host = host
    this.transport = first.transport
    this.key = first.key
    this.#answers = answersTo(first)
    this.#quote = quoteOf(first.packet)
    this.usedAtMs = host.nowMs()
    const udpIdleMs = first.destinationPort === DNS_PORT ? DNS_IDLE_MS : UDP_IDLE_MS
    this.idleMs = first.transport === 'icmp' ? ICMP_IDLE_MS : udpIdleMs
  }

  /** Asks for the flow; resolves when the conversation is over, or refused. */
  async open(target: FlowTarget): Promise<'over' | 'refused'> {
    const opened = await this.#host.deps.openDatagrams(this.transport, target, {}, (giveUp) => {
      this.#giveUp = giveUp
      if (this.#state === 'closed') giveUp()
    })
    const waiting = this.#takeWaiting()
    if (this.#state === 'closed') {
      if (opened.ok) opened.value.close()
      return 'over'
    }
    if (!opened.ok) {
      this.#refuse(opened.error, target)
      return 'refused'
    }
    await this.#carry(opened.value, waiting)
    return 'over'
  }

  /** Takes a datagram of the program. @returns false when this conversation takes none any more. */
  take({ packet, payload }: Datagram): boolean {
    const state = this.#state
    if (this.transport === 'icmp') this.#quote = quoteOf(packet)
    if (state === 'closed') return false
    if (state === 'asking') this.#wait(payload)
    else if ('send' in state) this.#send(state, payload)
    else return this.#repeat(state, quoteOf(packet))
    return true
  }

  #send(flow: DatagramFlow, payload: Buffer): void {
    const before = flow.dropped
    flow.send(payload)
    if (flow.dropped > before) this.#host.counting.drop('queue_full')
  }

  /** Ends it, whatever its state. */
  close(): void {
    const state = this.#state
    this.#state = 'closed'
    this.#takeWaiting()
    if (state === 'asking') this.#giveUp()
    else if (state !== 'closed' && 'send' in state) state.close()
  }

  async #carry(flow: DatagramFlow, waiting: readonly Buffer[]): Promise<void> {
    this.#state = flow
    flow.onDatagram((payload) => this.#answer(payload))
    for (const payload of waiting) flow.send(payload)
    await flow.closed
    this.#state = 'closed'
  }

  #answer(payload: Uint8Array): void {
    this.usedAtMs = this.#host.nowMs()
    const error = this.transport === 'icmp' ? errorOf(payload) : undefined
    if (error !== undefined) this.#host.write(this.#answers.refuse(error, this.#quote))
    else this.#host.write(this.#answers.print(payload))
  }

  #refuse({ status, reason }: FlowRefusal, target: FlowTarget): void {
    const { deps, counting, nowMs, write } = this.#host
    deps.log.info({ ...target, transport: this.transport, reason }, 'datagrams refused')
    const error = status === 403 || status === 407 ? PROHIBITED : HOST_UNREACHABLE
    this.#state = { error, untilMs: nowMs() + REFUSED_MS }
    counting.drop('refused')
    write(this.#answers.refuse(error, this.#quote))
  }

  #repeat({ error, untilMs }: Refused, quote: Buffer): boolean {
    if (this.#host.nowMs() >= untilMs) return false
    this.#host.counting.drop('refused')
    this.#host.write(this.#answers.refuse(error, quote))
    return true
  }

  #wait(payload: Buffer): void {
    const waitingOctets = this.#host.waitingOctets + payload.length
    if (waitingOctets > WAITING_OCTETS_LIMIT || this.#waiting.length >= WAITING_LIMIT) {
      this.#host.counting.drop('queue_full')
      return
    }
    this.#host.waitingOctets = waitingOctets
    this.#waiting.push(payload)
  }

  #takeWaiting(): readonly Buffer[] {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { length } of waiting) this.#host.waitingOctets -= length
    return waiting
  }
}
