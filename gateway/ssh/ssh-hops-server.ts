/**
 * Ways from inside a session to other targets (`ssh -J`): the channel of the user ends here, another one to the target
 * behind begins here, and what is in between is a flow and a session of its own.
 *
 *   user ══ channel ══► gateway: inner session ══ channel ══► target of the outer session ──► target of the inner
 */
import { printAuthority } from '#lib/net/endpoint'
import type { SshFlow, SshHop, TargetStream } from '../enforce/ssh-service.ts'
import { HopStream } from './hop-stream-server.ts'
import { turnDown } from './relay/channel-end.ts'
import type { SshRelay } from './relay/relay.ts'
import { DROP, type HopAction, type RelayAction } from './relay/relay-action.ts'
import { type RelayWatch, tellRefused } from './relay/relay-watch.ts'
import type { Side } from './relay/side.ts'
import type { SshLeg } from './transport/ssh-leg-server.ts'

/** Ways that are open or asked for; each has windows, a recording and two key exchanges of its own. */
const HOPS_LIMIT = 64

export type HopsOf = {
  readonly legs: Readonly<Record<Side, SshLeg>>
  readonly relay: SshRelay
  readonly watch: RelayWatch
  readonly flow: SshFlow
  /** Of the outer session. */
  readonly sessionId: string
}

export class SshHops {
  readonly #of: HopsOf
  readonly #open = new Set<Hop>()

  constructor(of: HopsOf) {
    this.#of = of
  }

  /** @returns what to do with the message that asked: nothing when a flow is made of it. */
  begin(asked: HopAction, payload: Buffer): RelayAction {
    const { relay, flow } = this.#of
    const hop = new Hop(asked, this.#of, () => this.#open.delete(hop))
    if (this.#open.size >= HOPS_LIMIT) {
      hop.refuse('too many ways to other targets at once')
      return DROP
    }
    this.#open.add(hop)
    if (flow.hop(hop)) return DROP
    this.#open.delete(hop)
    return relay.openPlain('user', payload)
  }

  /** The legs may take more now. */
  progress(): void {
    for (const hop of this.#open) hop.progress()
  }

  /** The outer session is over. */
  end(): void {
    for (const hop of this.#open) hop.reset()
  }
}

class Hop implements SshHop {
  readonly authority: string
  readonly parent: string
  readonly onlySsh: boolean
  readonly #asked: HopAction
  readonly #fields: Buffer
  readonly #of: HopsOf
  readonly #forget: () => void
  readonly #gone: (() => void)[] = []
  readonly #octets = { user: 0, target: 0 }
  #index: number | undefined
  #user: HopStream | undefined
  #target: HopStream | undefined
  #isOver = false

  constructor(asked: HopAction, of: HopsOf, forget: () => void) {
    this.authority = printAuthority(asked.target)
    this.parent = of.sessionId
    this.onlySsh = !asked.isElseGranted
    this.#asked = asked
    // The message it came in is gone when the target is asked.
    this.#fields = Buffer.from(asked.fields)
    this.#of = of
    this.#forget = forget
  }

  accept(): HopStream | undefined {
    if (this.#isOver) return undefined
    this.#tellOpened()
    const user = this.#streamTo('user')
    this.#user = user
    user.once('close', () => {
      this.#end()
      this.#forgetClosed()
    })
    user.on('error', () => {})
    user.channel.accept(this.#asked.peer)
    return user
  }

  refuse(sentence: string): void {
    if (this.#isOver) return
    const { watch, legs } = this.#of
    tellRefused(watch, { what: 'direct-tcpip', reason: 'hop_refused', target: this.authority })
    legs.user.transport.send(turnDown(this.#asked.peer, sentence))
    this.#end()
  }

  dial(): Promise<TargetStream | undefined> {
    if (this.#isOver) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const target = this.#streamTo('target', {
        onOpen: () => resolve(target),
        onRefused: () => {
          target.destroy()
          resolve(undefined)
        },
      })
      this.#target = target
      target.once('close', () => {
        resolve(undefined)
        this.#forgetClosed()
      })
      target.on('error', () => {})
      target.channel.ask('direct-tcpip', this.#fields)
    })
  }

  reset(): void {
    if (this.#user === undefined) this.refuse('ended')
    this.#user?.destroy()
    this.#target?.destroy()
    this.#end()
  }

  onGone(listener: () => void): void {
    if (this.#isOver) listener()
    else this.#gone.push(listener)
  }

  progress(): void {
    this.#user?.progress()
    this.#target?.progress()
  }

  #streamTo(side: Side, handlers: { onOpen?: () => void; onRefused?: () => void } = {}): HopStream {
    const { legs, relay, watch } = this.#of
    return new HopStream(relay.ownEnds, side, legs[side], {
      ...handlers,
      onOctets: (octets) => {
        this.#octets[side] += octets
        watch.unrecorded(side, octets)
      },
    })
  }

  /** The inner session says goodbye to its target after its user has gone. */
  #forgetClosed(): void {
    const isClosed = [this.#user, this.#target].every((stream) => stream?.closed !== false)
    if (isClosed) this.#forget()
  }

  #tellOpened(): void {
    const { relay, watch } = this.#of
    const [channel, kind] = [relay.nextIndex(), 'direct-tcpip']
    this.#index = channel
    watch.event({ type: 'channel_opened', channel, kind })
    watch.event({ type: 'hop_opened', channel, target: this.authority })
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#index !== undefined) {
      const { user: fromUserBytes, target: fromTargetBytes } = this.#octets
      const channel = this.#index
      this.#of.watch.event({ type: 'forward_closed', channel, fromUserBytes, fromTargetBytes })
      this.#of.watch.event({ type: 'channel_closed', channel })
    }
    if (this.#user === undefined) this.#forgetClosed()
    for (const listener of this.#gone) listener()
  }
}
