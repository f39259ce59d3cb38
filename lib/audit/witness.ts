/**
 * What a witness makes of a checkpoint that a gateway offers, given the one it holds. Pure; the proof is asked for outside.
 */
import type { SignedCheckpoint } from './checkpoint.ts'
import { isConsistent } from './merkle-proof.ts'

/**
 * - `rollback`: the log is shorter than it was.
 * - `fork`: its first lines are not those that were there.
 * - `signer_changed`: another key signs; no statement of the old one leads there.
 * - `unproven`: the gateway signed it and refuses to show that it goes on from what was there.
 */
export const WITNESS_ALARMS = ['rollback', 'fork', 'signer_changed', 'unproven'] as const
export type WitnessAlarm = (typeof WITNESS_ALARMS)[number]

export type Judgement =
  | { readonly kind: 'accept' }
  | { readonly kind: 'known' }
  /** Only a proof can tell. */
  | { readonly kind: 'ask_proof' }
  | { readonly kind: 'alarm'; readonly alarm: WitnessAlarm }

/** Judges what can be judged without a proof. The first checkpoint is trusted, since it came over the tunnel. */
export function judge(held: SignedCheckpoint | undefined, offered: SignedCheckpoint): Judgement {
  if (held === undefined) return { kind: 'accept' }
  if (held.signer !== offered.signer) return alarm('signer_changed')
  if (offered.size < held.size) return alarm('rollback')
  if (offered.size > held.size) return { kind: 'ask_proof' }
  return offered.root === held.root ? { kind: 'known' } : alarm('fork')
}

/** Judges the proof that the gateway gave. */
export function judgeProof(
  held: SignedCheckpoint,
  offered: SignedCheckpoint,
  proof: readonly string[],
): Judgement {
  return isConsistent(held, offered, proof) ? { kind: 'accept' } : alarm('fork')
}

function alarm(reason: WitnessAlarm): Judgement {
  return { kind: 'alarm', alarm: reason }
}
