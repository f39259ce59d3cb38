/** Ends of channels that the gateway holds itself, by the numbers that it gave them: numbers that no peer may give. */
import { MESSAGE } from '#lib/ssh/message-numbers'
import { ChannelEnd, type EndHandlers } from './channel-end.ts'
import { uint32At } from './messages.ts'
import { breach, DROP, type RelayAction } from './relay-action.ts'
import type { Side } from './side.ts'

/** Peers count from 0; none gets as far. */
export const FIRST_OWN_NUMBER = 2 ** 31

export class OwnEnds {
  readonly #ends: Readonly<Record<Side, Map<number, ChannelEnd>>> = {
    user: new Map(),
    target: new Map(),
  }
  /** Never given twice: what a peer says late is about the channel that it means. */
  #next = FIRST_OWN_NUMBER

  /** Makes an end towards one side. @param send messages for that side. */
  make(side: Side, send: (payload: Buffer) => void, handlers: EndHandlers): ChannelEnd {
    const number = this.#next++
    const forget = (): void => {
      this.#ends[side].delete(number)
    }
    const end = new ChannelEnd(number, send, {
      ...handlers,
      onRefused() {
        forget()
        handlers.onRefused()
      },
      onClosed() {
        forget()
        handlers.onClosed()
      },
    })
    this.#ends[side].set(number, end)
    return end
  }

  /** Takes a message for an end of ours. @returns undefined when it is for somebody else. */
  take(from: Side, payload: Buffer): RelayAction | undefined {
    const type = payload[0] ?? 0
    if (type <= MESSAGE.channelOpen || type > MESSAGE.channelFailure) return undefined
    const recipient = uint32At(payload, 1)
    if (recipient === undefined || recipient < FIRST_OWN_NUMBER) return undefined
    const end = this.#ends[from].get(recipient)
    if (end === undefined) return breach('unknown_channel')
    const wrong = end.take(payload)
    return wrong === undefined ? DROP : breach(wrong)
  }
}
