/**
 * The prompts that are open, and the flows that wait for each. A device has one prompt for each application and remedy,
 * which later flows join. Owns no clock, no timer and no socket.
 *
 *            join          nobody waits any more, since all were let go on or refused
 *   (none) ───────► open ─────────────────────────────────────────────────────────► ended
 *                   ▲  │ join: open for longer
 *                   └──┤
 *                      └─ time over ──► ended; a prompt outlives programs that gave up, which may be started again
 */
import { err, ok, type Result } from '#lib/result'
import type { OpenPrompt } from './hold.ts'

/** What is asked, before it has a name and a time. */
export type Asked = Omit<OpenPrompt, 'id' | 'url' | 'createdAtMs' | 'expiresAtMs'>

/** For a prompt that has to be made. Times are Unix milliseconds. */
export type Fresh = Pick<OpenPrompt, 'id' | 'url'> & {
  readonly nowMs: number
  /** How long the flow may wait. */
  readonly waitMs: number
}

/** A flow left; `waiting` still wait for the prompt. */
export type Left = { readonly prompt: OpenPrompt; readonly waiting: number }

export interface PromptBook {
  /** Lets a flow wait that does not wait yet. */
  join(flowId: string, asked: Asked, fresh: Fresh): Result<OpenPrompt, 'hold_full'>
  /** A flow waits no longer. The prompt stays until it is ended or overdue. */
  leave(flowId: string): Left | undefined
  /** What a flow waits for. */
  promptOf(flowId: string): OpenPrompt | undefined
  find(promptId: string): OpenPrompt | undefined
  waitingFor(promptId: string): number
  ofDevice(deviceId: string): readonly OpenPrompt[]
  /** Forgets a prompt for which nobody waits. @returns whether it was open. */
  end(promptId: string): boolean
  /** What has waited long enough by now: flows, and prompts with all that wait for them. Changes nothing. */
  overdue(nowMs: number): {
    readonly flows: readonly string[]
    readonly prompts: readonly OpenPrompt[]
  }
  /** When something is overdue next; infinity when nothing waits. */
  readonly nextMs: number
}

/** Most flows of one device that wait, and most prompts that are open for it. */
export const HELD_LIMIT = 64

type Entry = {
  prompt: OpenPrompt
  /** By flow: how long it waits, Unix milliseconds. */
  readonly waiting: Map<string, number>
}

/** Makes an empty book. */
export function createPromptBook(): PromptBook {
  const entries = new Map<string, Entry>()
  const entryOfFlow = new Map<string, Entry>()

  const ofDevice = (deviceId: string): Entry[] =>
    [...entries.values()].filter(({ prompt }) => prompt.deviceId === deviceId)

  function open(asked: Asked, { id, url, nowMs, waitMs }: Fresh): Entry {
    const times = { createdAtMs: nowMs, expiresAtMs: nowMs + waitMs }
    const entry: Entry = { prompt: { ...asked, id, url, ...times }, waiting: new Map() }
    entries.set(id, entry)
    return entry
  }

  return {
    join(flowId, asked, fresh) {
      const own = ofDevice(asked.deviceId)
      const held = own.reduce((sum, { waiting }) => sum + waiting.size, 0)
      const known = own.find(({ prompt }) => isSame(prompt, asked))
      if (held >= HELD_LIMIT || (known === undefined && own.length >= HELD_LIMIT)) {
        return err('hold_full')
      }
      const entry = known ?? open(asked, fresh)
      const untilMs = fresh.nowMs + fresh.waitMs
      const expiresAtMs = Math.max(entry.prompt.expiresAtMs, untilMs)
      // One that was denied may have been asked for anew.
      const { approval = entry.prompt.approval } = asked
      entry.prompt = { ...entry.prompt, expiresAtMs, ...(approval && { approval }) }
      entry.waiting.set(flowId, untilMs)
      entryOfFlow.set(flowId, entry)
      return ok(entry.prompt)
    },
    leave(flowId) {
      const entry = entryOfFlow.get(flowId)
      if (entry === undefined) return undefined
      entryOfFlow.delete(flowId)
      entry.waiting.delete(flowId)
      return { prompt: entry.prompt, waiting: entry.waiting.size }
    },
    promptOf: (flowId) => entryOfFlow.get(flowId)?.prompt,
    find: (promptId) => entries.get(promptId)?.prompt,
    waitingFor: (promptId) => entries.get(promptId)?.waiting.size ?? 0,
    ofDevice: (deviceId) => ofDevice(deviceId).map(({ prompt }) => prompt),
    end: (promptId) => entries.delete(promptId),
    overdue(nowMs) {
      const all = [...entries.values()]
      return {
        flows: all.flatMap(({ waiting }) =>
          [...waiting].flatMap(([flowId, untilMs]) => (untilMs <= nowMs ? [flowId] : [])),
        ),
        prompts: all.flatMap(({ prompt }) => (prompt.expiresAtMs <= nowMs ? [prompt] : [])),
      }
    },
    get nextMs() {
      let nextMs = Number.POSITIVE_INFINITY
      for (const { prompt, waiting } of entries.values()) {
        nextMs = Math.min(nextMs, prompt.expiresAtMs, ...waiting.values())
      }
      return nextMs
    },
  }
}

/** Whether one answer of the user serves both. */
export function isSame(
  a: Pick<Asked, 'deviceId' | 'application' | 'remedy'>,
  b: Pick<Asked, 'deviceId' | 'application' | 'remedy'>,
): boolean {
  return a.deviceId === b.deviceId && a.application === b.application && a.remedy === b.remedy
}
