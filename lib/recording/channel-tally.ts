/**
 * Counts what a recording holds, channel by channel.
 */
import type { StreamName } from './session-event.ts'

/** Octets of each stream and the number of events of one channel; -1 is the session itself. */
export type ChannelCounts = Readonly<Record<StreamName | 'channel' | 'events', number>>

export class ChannelTally {
  readonly #channels = new Map<number, Record<keyof ChannelCounts, number>>()

  data(channel: number, stream: StreamName, sizeBytes: number): void {
    this.#of(channel)[stream] += sizeBytes
  }

  event(channel: number): void {
    this.#of(channel).events++
  }

  /** In order of channel numbers. */
  get channels(): readonly ChannelCounts[] {
    return [...this.#channels.values()].sort((a, b) => a.channel - b.channel)
  }

  #of(channel: number): Record<keyof ChannelCounts, number> {
    let counts = this.#channels.get(channel)
    if (!counts) {
      counts = { channel, input: 0, output: 0, stderr: 0, events: 0 }
      this.#channels.set(channel, counts)
    }
    return counts
  }
}
