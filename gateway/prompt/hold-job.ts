/**
 * Lets flows wait for people. A flow goes on by nothing but a new decision about it; here is who waits, for how long,
 * and who hears what is asked.
 */
import { randomBytes } from 'node:crypto'
import type { Log } from '#lib/log'
import { ok, type Result } from '#lib/result'
import type { FlowTable } from '../flow/flow-table.ts'
import type { Decision } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Device } from '../store/store.ts'
import { askedBy } from './asked.ts'
import {
  type HeldFlow,
  type Hold,
  type InteractiveDenial,
  isInteractive,
  type NobodyToAsk,
  type OpenPrompt,
  type Released,
} from './hold.ts'
import { type Asked, createPromptBook, type Fresh, isSame, type PromptBook } from './prompt-book.ts'
import type { Prompt } from './prompts.ts'

export type HoldingDeps = {
  /** Where users log in; prompts stand there and nowhere else. */
  readonly loginOrigin: string
  readonly device: (id: string) => Device | undefined
  readonly table: Pick<FlowTable, 'update' | 'release'>
  /** How long a flow that is held now may wait, ms. */
  readonly waitMs: () => number
  /** Asks the approvers. It is a change: flows that wait may be decided again before it returns. */
  readonly requestApproval: (
    asked: Asked,
    purpose: string,
  ) => Result<NonNullable<Prompt['approval']>, NobodyToAsk>
  /** Whether the approvers have said no. */
  readonly isDenied: (requestId: string) => boolean
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** How a prompt ended. */
export type PromptOutcome = 'satisfied' | 'expired' | 'refused'

/** Told what happens to prompts, so that the device hears of it. */
export type PromptWatcher = {
  /** A flow waits for this now; `to` is its own destination, the prompt's is that of the first one. */
  readonly onAsked: (prompt: OpenPrompt, to: Pick<OpenPrompt, 'host' | 'port'>) => void
  readonly onEnded: (prompt: OpenPrompt, outcome: PromptOutcome) => void
}

export interface Holding extends Pick<PromptBook, 'find' | 'waitingFor' | 'ofDevice'> {
  readonly hold: Hold
  /** Ends a prompt for which nobody waits any more. */
  end(prompt: OpenPrompt, outcome: PromptOutcome): void
  /** @returns what ends the watch. */
  watch(watcher: PromptWatcher): () => void
  stop(): void
}

/** 128 bits: the name of a prompt must not be guessed. */
const ID_OCTETS = 16

export function startHolding(deps: HoldingDeps): Holding {
  const { table, log, now } = deps
  const book = createPromptBook()
  const watchers = new Set<PromptWatcher>()
  /** By flow that waits: what ends its wait. */
  const held = new Map<string, (released: Released) => void>()
  let timer: NodeJS.Timeout | undefined
  let timerAtMs = Number.POSITIVE_INFINITY

  function arm(): void {
    const { nextMs } = book
    if (nextMs >= timerAtMs) return
    clearTimeout(timer)
    timerAtMs = nextMs
    timer = setTimeout(timesUp, Math.max(nextMs - now(), 1))
  }

  function timesUp(): void {
    timerAtMs = Number.POSITIVE_INFINITY
    const { flows, prompts } = book.overdue(now())
    for (const id of flows) held.get(id)?.({ kind: 'over', reason: 'prompt_expired' })
    for (const prompt of prompts) end(prompt, 'expired')
    arm()
  }

  function end(prompt: OpenPrompt, outcome: PromptOutcome): void {
    if (!book.end(prompt.id)) return
    log.info({ ...about(prompt), outcome }, 'prompt ended')
    for (const { onEnded } of watchers) onEnded(prompt, outcome)
  }

  /** @param outcome of the prompt, should this have been the last flow; none when only this flow gives up. */
  function leave(flowId: string, outcome?: PromptOutcome): void {
    const left = book.leave(flowId)
    if (left?.waiting === 0 && outcome !== undefined) end(left.prompt, outcome)
  }

  /** A flow that was asked for something else before has got that. */
  function ask(flow: HeldFlow, denial: InteractiveDenial, facts: Facts): void {
    const asked = askedBy(denial, facts, deps.device(facts.subject.deviceId)?.name ?? '')
    const before = book.promptOf(flow.id)
    if (before !== undefined && isSame(before, asked)) {
      stay(flow.id, before)
      return
    }
    leave(flow.id, 'satisfied')
    const whole = withApproval(asked, facts)
    // To ask the approvers had this flow decided again: it may be let go on, or ask already.
    if (!held.has(flow.id) || book.promptOf(flow.id) !== undefined) return
    const joined = whole.ok ? book.join(flow.id, whole.value, fresh()) : whole
    if (joined.ok) tellOf(joined.value, flow, asked)
    else held.get(flow.id)?.({ kind: 'over', reason: joined.error })
  }

  /** Asked for the same as before: there is nothing new to tell, unless nobody will give it. */
  function stay(flowId: string, { approval }: OpenPrompt): void {
    if (approval === undefined || !deps.isDenied(approval.requestId)) return
    held.get(flowId)?.({ kind: 'over', reason: 'approval_denied' })
  }

  function withApproval(asked: Asked, facts: Facts): Result<Asked, NobodyToAsk> {
    if (asked.remedy !== 'approval') return ok(asked)
    const approval = deps.requestApproval(asked, purposeIn(facts, asked))
    return approval.ok ? ok({ ...asked, approval: approval.value }) : approval
  }

  function fresh(): Fresh {
    const id = randomBytes(ID_OCTETS).toString('base64url')
    const url = `${deps.loginOrigin}/prompt/${id}`
    return { id, url, nowMs: now(), waitMs: deps.waitMs() }
  }

  function tellOf(prompt: OpenPrompt, flow: HeldFlow, to: Pick<OpenPrompt, 'host' | 'port'>): void {
    if (book.waitingFor(prompt.id) === 1) log.info(about(prompt), 'prompt opened')
    arm()
    flow.onAsked?.(prompt)
    for (const { onAsked } of watchers) onAsked(prompt, to)
  }

  function onDecision(flow: HeldFlow, decision: Decision, facts: Facts): void {
    if (isInteractive(decision)) ask(flow, decision, facts)
    else held.get(flow.id)?.({ kind: 'decided', decision, facts })
  }

  return {
    hold: (flow, denial) =>
      new Promise((resolve) => {
        const stopListening = flow.ended.onEnd(() => held.get(flow.id)?.({ kind: 'gone' }))
        held.set(flow.id, (released) => {
          held.delete(flow.id)
          stopListening()
          table.release(flow.id)
          leave(flow.id, outcomeOf(released))
          resolve(released)
        })
        table.update(flow.id, { held: (decision, facts) => onDecision(flow, decision, facts) })
        ask(flow, denial, flow.facts)
      }),
    find: book.find,
    waitingFor: book.waitingFor,
    ofDevice: book.ofDevice,
    end,
    watch(watcher) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    stop: () => clearTimeout(timer),
  }
}

/** What the user said before that the application is needed for. */
function purposeIn({ grants = [] }: Facts, { application }: Asked): string {
  const stated = grants.filter((one) => one.kind === 'purpose' && one.application === application)
  return stated.at(0)?.text ?? ''
}

function outcomeOf(released: Released): PromptOutcome | undefined {
  if (released.kind === 'over' && released.reason === 'approval_denied') return 'refused'
  if (released.kind !== 'decided') return undefined
  return released.decision.kind === 'permit' ? 'satisfied' : 'refused'
}

function about({ id, deviceId, userId, application, host, port, remedy, reason }: OpenPrompt) {
  return { promptId: id, deviceId, userId, application, host, port, remedy, reason }
}
