/** What stands in the way of a destination, in the words of `zt explain`. */
import { printAuthority } from '#lib/net/endpoint'
import type { CliFailure, CliIo } from './cli-io.ts'
import { printable } from './printable.ts'
import { explanationExitCode } from './render-explanation.ts'

/** Why a connection to `to` was refused; undefined when nothing that zt knows of is in its way. */
export async function denialOf(
  io: Pick<CliIo, 'askDaemon'>,
  to: { readonly host: string; readonly port: number },
): Promise<CliFailure | undefined> {
  const answer = await io.askDaemon({ method: 'explain', ...to })
  if (!answer.ok || answer.value.method !== 'explain') return undefined
  const { explanation } = answer.value
  if (explanation.verdict === 'permit') return undefined
  return {
    code: printable(explanation.reason),
    message: `${printAuthority(to)}: ${printable(explanation.sentence)}`,
    exitCode: explanationExitCode(explanation),
  }
}
