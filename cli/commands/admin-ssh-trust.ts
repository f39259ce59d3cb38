/** The keys of the SSH authorities, as the admin API lists them. */
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, type CliIo, EXIT } from '../cli-io.ts'

export const AUTHORITIES_PATH = '/api/v1/ssh-authorities'

/** One key; what is more is passed on as it is. */
export const authority = z.looseObject({
  fingerprint: z.string(),
  name: z.string(),
  publicKey: z.string(),
  custody: z.looseObject({ kind: z.string() }),
  createdAt: z.string(),
  state: z.string().optional(),
  trustedUntil: z.string().optional(),
})
const listing = z.object({ sshAuthorities: z.array(authority) })
/** The public keys of an authority that count, the one that signs first. */
export async function trustedLines(
  io: CliIo,
  name: string,
): Promise<Result<readonly string[], CliFailure>> {
  const found = await listAuthorities(io)
  if (!found.ok) return found
  const own = found.value.filter((one) => one.name === name)
  const inState = (state: string) => own.filter((one) => one.state === state)
  const lines = [...inState('signing'), ...inState('retired')].map(({ publicKey }) => publicKey)
  if (lines.length > 0) return ok(lines)
  const message = `There is no SSH authority "${name}" with a key that counts.`
  return err({ code: 'no_such_authority', message, exitCode: EXIT.failed })
}

/** All of them, oldest first. */
export async function listAuthorities(io: CliIo) {
  const answer = await io.admin.getJson(AUTHORITIES_PATH)
  const found = answer.ok ? readAnswer(listing, answer.value) : answer
  return found.ok ? ok(found.value.sshAuthorities) : found
}
