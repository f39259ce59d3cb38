/**
 * This device as a witness of the gateway's audit log: keeps checkpoints, asks for the proof that each goes on from the one
 * before, and raises an alarm when it does not.
 */
import { openCheckpoint, type SignedCheckpoint } from '#lib/audit/checkpoint'
import { type Judgement, judge, judgeProof } from '#lib/audit/witness'
import type { Log } from '#lib/log'
import type { Result } from '#lib/result'
import type { AskError } from '../tunnel/tunnel.ts'
import type { WitnessStore } from './witness-store.ts'

export type WitnessOptions = {
  readonly store: WitnessStore
  /** Asks the gateway for a proof. */
  readonly ask: (from: number, to: number) => Promise<Result<readonly string[], AskError>>
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** What is known of the log. */
export type WitnessStatus = {
  readonly size: number
  /** When the gateway signed what is held. */
  readonly atMs: number
  readonly alarm?: { readonly reason: string; readonly atMs: number }
}

export interface Witness {
  /** Takes what the gateway told. */
  offer(checkpoint: string): void
  /** Nothing before the first checkpoint. */
  readonly status: WitnessStatus | undefined
  /** Settles when everything offered so far was judged. */
  readonly settled: Promise<void>
}

/** Checkpoints that are kept: enough for the last weeks of a quiet gateway. */
const KEPT = 64
/** Told faster than they are judged: what comes next covers what is left out. */
const WAITING_LIMIT = 16
/** Answers that say nothing about the log: it is asked again with the next checkpoint. */
const NO_ANSWER = new Set(['not_connected', 'timeout', 'connection_lost', 'too_many_questions'])

export async function startWitness({ store, ask, log, now }: WitnessOptions): Promise<Witness> {
  let kept = store.load()
  let contradiction = store.contradiction()
  let held = await heldIn(kept)
  let waiting = 0
  let settled = Promise.resolve()

  function accept(offered: SignedCheckpoint): void {
    kept = [...kept, offered.text].slice(-KEPT)
    held = offered
    store.save(kept)
  }
  function raise(alarm: Judgement & { kind: 'alarm' }, offered: SignedCheckpoint): void {
    contradiction = {
      alarm: alarm.alarm,
      atMs: now(),
      held: held?.text ?? '',
      offered: offered.text,
    }
    log.error({ alarm: alarm.alarm, held: held?.size, offered: offered.size }, 'audit log alarm')
    store.keepContradiction(contradiction)
  }
  async function proven(offered: SignedCheckpoint): Promise<Judgement> {
    if (held === undefined) return { kind: 'accept' }
    const answer = await ask(held.size, offered.size)
    if (answer.ok) return judgeProof(held, offered, answer.value)
    log.warn({ reason: answer.error.reason, size: offered.size }, 'audit log not proven')
    return NO_ANSWER.has(answer.error.reason)
      ? { kind: 'known' }
      : { kind: 'alarm', alarm: 'unproven' }
  }
  async function take(text: string): Promise<void> {
    if (contradiction !== undefined) return
    const opened = await openCheckpoint(text)
    if (!opened.ok) {
      log.warn({ reason: opened.error.reason }, 'checkpoint of the audit log refused')
      return
    }
    const first = judge(held, opened.value)
    const judgement = first.kind === 'ask_proof' ? await proven(opened.value) : first
    if (judgement.kind === 'accept') accept(opened.value)
    else if (judgement.kind === 'alarm') raise(judgement, opened.value)
  }

  return {
    offer(text) {
      if (waiting >= WAITING_LIMIT) return
      waiting++
      settled = settled
        .then(() => take(text))
        .catch((error: unknown) => log.error({ error: String(error) }, 'witness failed'))
        .finally(() => {
          waiting--
        })
    },
    get status() {
      if (held === undefined) return undefined
      const alarm = contradiction && { reason: contradiction.alarm, atMs: contradiction.atMs }
      return { size: held.size, atMs: held.atMs, ...(alarm && { alarm }) }
    },
    get settled() {
      return settled
    },
  }
}

/** The newest that can be read: a torn last line must not make us trust anew. */
async function heldIn(kept: readonly string[]): Promise<SignedCheckpoint | undefined> {
  for (const text of [...kept].reverse()) {
    const opened = await openCheckpoint(text)
    if (opened.ok) return opened.value
  }
  return undefined
}
