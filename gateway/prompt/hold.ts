/** The seam between enforcement and prompts: a flow that waits until a person has done something, and what became of it. */
import type { EndSignal } from '../enforce/end-signal.ts'
import type { Decision, Denial } from '../policy/decision.ts'
import type { Facts } from '../policy/facts.ts'
import type { Reason } from '../policy/reasons.ts'
import type { Prompt } from './prompts.ts'

/** A prompt as those hear of it who tell the user. */
export type OpenPrompt = Prompt & {
  /** Why the flow was denied. */
  readonly reason: Reason
  /** What the user opens; on the login origin. */
  readonly url: string
}

/** A denial that a person can do something about while the flow waits. */
export type InteractiveDenial = Denial & { readonly remedy: Prompt['remedy'] }

const INTERACTIVE: ReadonlySet<string> = new Set<Prompt['remedy']>([
  'login',
  'mfa',
  'justify',
  'approval',
])

export function isInteractive(decision: Decision): decision is InteractiveDenial {
  return decision.kind === 'denial' && INTERACTIVE.has(decision.remedy)
}

/** A flow that is in the table and is to wait. */
export type HeldFlow = {
  readonly id: string
  readonly facts: Facts
  /** Raised when nobody waits for the flow any more. */
  readonly ended: EndSignal
  /** Told what the user is asked for, and again when that changes. */
  readonly onAsked?: (prompt: OpenPrompt) => void
}

/** Why nobody can be asked to approve: the policy asks for it no more, or too much of the user waits already. */
export type NobodyToAsk = Extract<Reason, 'policy_changed' | 'too_many_requests'>

export type OverReason =
  | NobodyToAsk
  | Extract<Reason, 'prompt_expired' | 'hold_full' | 'approval_denied'>

/** How waiting ended. */
export type Released =
  /** A permit, or a denial that nobody can do anything about now; `facts` are those it was made on. */
  | { readonly kind: 'decided'; readonly decision: Decision; readonly facts: Facts }
  | { readonly kind: 'over'; readonly reason: OverReason }
  | { readonly kind: 'gone' }

/** Lets a flow wait, for a bounded time. Never rejects. */
export type Hold = (flow: HeldFlow, denial: InteractiveDenial) => Promise<Released>
