/** Denials that a person can do something about, and what they ask. */
import { askedBy } from '../../gateway/prompt/asked.ts'
import type { InteractiveDenial } from '../../gateway/prompt/hold.ts'
import type { Asked } from '../../gateway/prompt/prompt-book.ts'
import { sampleFacts } from './sample-facts.ts'

export const loginDenial: InteractiveDenial = {
  kind: 'denial',
  reason: 'session_expired',
  remedy: 'login',
  prompt: {},
  application: 'wiki',
  policy: 'staff',
  revision: 1,
  trace: [],
}

export function sampleAsked(change: Partial<Asked> = {}): Asked {
  return { ...askedBy(loginDenial, sampleFacts(), 'laptop'), ...change }
}
