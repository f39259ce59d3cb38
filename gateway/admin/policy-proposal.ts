/** A policy that somebody proposes, ready to decide: never stored, never in force. Pure. */
import { err, ok, type Result } from '#lib/result'
import { decodeProposal, formatMistakes } from '../config.ts'
import { type CompiledPolicy, compilePolicy } from '../policy/compile.ts'

/** Longest request with a policy in it, octets; as large as a configuration file may be. */
export const PROPOSAL_BODY_LIMIT = 16 * 1024 * 1024
/** A policy is often wrong in one way at many places: the first ones tell enough. */
const MISTAKE_LIMIT = 20
/** No revision has this number. */
const NO_REVISION = 0

/** Reads and compiles it as the gateway would that has another in force. @returns else the first mistakes, one a line. */
export function compileProposal(
  text: string,
  { own, registered }: CompiledPolicy,
): Result<CompiledPolicy, { readonly mistakes: string }> {
  const document = decodeProposal(text)
  if (!document.ok) return err({ mistakes: formatMistakes(document.error.slice(0, MISTAKE_LIMIT)) })
  return ok(compilePolicy(document.value, { revision: NO_REVISION, own, registered }))
}
