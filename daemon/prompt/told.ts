/**
 * What the gateway told the user of this device: connections that wait for a login, connections that were ended.
 * Everything in it came over the wire; an address that is not a prompt of our own login origin is never passed on.
 */
import type { WatchEvent } from '#lib/api/control-api'
import { err, ok, type Result } from '#lib/result'
import type { PromptEnd, PromptNotice } from '#lib/wire/prompt-message'

export interface Told {
  /** A new control stream: what still waits is told again. */
  welcomed(): void
  prompt(notice: PromptNotice): Result<void, 'bad_prompt_url' | 'too_many_prompts'>
  promptEnded(end: PromptEnd): void
  notice(reason: string, sentence: string): void
  /** Prompts that are open: the gateway says when one is over, this machine's clock does not. */
  readonly prompts: readonly PromptNotice[]
  /** Calls `listener` with what is open, and with everything from now on. @returns what ends the watch. */
  watch(listener: (event: WatchEvent) => void): () => void
}

export type ToldOptions = {
  /** Where this device enrolled: origin, or undefined while it is not enrolled. */
  readonly loginOrigin: () => string | undefined
}

/** The gateway opens no more for one device. */
const PROMPT_LIMIT = 64

/** Nothing was told yet. */
export function createTold({ loginOrigin }: ToldOptions): Told {
  const open = new Map<string, PromptNotice>()
  const listeners = new Set<(event: WatchEvent) => void>()
  const tell = (event: WatchEvent): void => {
    for (const listener of listeners) listener(event)
  }
  return {
    welcomed: () => open.clear(),
    prompt(prompt) {
      const { promptId, url } = prompt
      const origin = loginOrigin()
      if (origin === undefined || url !== `${origin}/prompt/${promptId}`) {
        return err('bad_prompt_url')
      }
      if (open.size >= PROMPT_LIMIT && !open.has(promptId)) return err('too_many_prompts')
      open.set(promptId, prompt)
      tell({ kind: 'prompt', prompt })
      return ok(undefined)
    },
    promptEnded({ promptId, outcome }) {
      if (open.delete(promptId)) tell({ kind: 'prompt_ended', promptId, outcome })
    },
    notice: (reason, sentence) => tell({ kind: 'notice', reason, sentence }),
    get prompts() {
      return [...open.values()]
    },
    watch(listener) {
      for (const prompt of open.values()) listener({ kind: 'prompt', prompt })
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
