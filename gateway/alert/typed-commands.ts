/** Commands that are typed in a session, read as it goes on. They are known after they were sent. */
import { CommandIndex } from '#lib/recording/command-index'
import type { Frame } from '#lib/recording/frame'

/** Output that may wait to be read, octets; above it is skipped, and a command may be missed. */
const WAITING_LIMIT = 4 * 1024 * 1024

export class TypedCommands {
  readonly #index = new CommandIndex()
  readonly #onCommand: (text: string) => void
  readonly #onSkipped: () => void
  #waiting = 0
  #turn: Promise<unknown> = Promise.resolve()

  /** @param onSkipped told each time output had to be skipped. */
  constructor(onCommand: (text: string) => void, onSkipped: () => void) {
    this.#onCommand = onCommand
    this.#onSkipped = onSkipped
  }

  /** Takes the next frame; its octets are copied. */
  take(frame: Frame): void {
    const octets = 'bytes' in frame ? frame.bytes.length : 0
    if (this.#waiting + octets > WAITING_LIMIT) {
      this.#onSkipped()
      return
    }
    const kept = 'bytes' in frame ? { ...frame, bytes: Uint8Array.from(frame.bytes) } : frame
    this.#waiting += octets
    this.#turn = this.#turn.then(async () => {
      const found = await this.#index.feed(kept)
      this.#waiting -= octets
      for (const one of found) {
        if (one.type !== 'command' || one.confidence === 'fact' || one.source === 'hidden') continue
        this.#onCommand(one.text)
      }
    })
  }
}
