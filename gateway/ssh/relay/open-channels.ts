/** What is open in a session now, for someone who comes later: each channel as it began, with its size as it is. */
import type { SessionEvent } from '#lib/recording/session-event'

type Kept = 'channel_opened' | 'pty' | 'resize' | 'shell' | 'exec' | 'subsystem' | 'command_marks'
const KEPT: ReadonlySet<SessionEvent['type']> = new Set<Kept>([
  'channel_opened',
  'pty',
  'resize',
  'shell',
  'exec',
  'subsystem',
  'command_marks',
])

export class OpenChannels {
  /** By channel, by type: a later resize replaces an earlier one. */
  readonly #channels = new Map<number, Map<SessionEvent['type'], SessionEvent>>()

  /** Takes every event of the session. */
  take(event: SessionEvent): void {
    if (event.type === 'channel_closed') this.#channels.delete(event.channel)
    if (event.type === 'channel_opened') this.#channels.set(event.channel, new Map())
    if (KEPT.has(event.type)) this.#channels.get(event.channel)?.set(event.type, event)
  }

  /** As if they were opened now, in the order in which they were. */
  get events(): readonly SessionEvent[] {
    return [...this.#channels.values()].flatMap((events) => [...events.values()])
  }
}
