/** One-line public keys and certificates as in `id_ed25519.pub`: `type base64 [comment]` (sshd(8), AUTHORIZED_KEYS). */
import { err, ok, type Result } from '#lib/result'
import { SshReader } from './reader.ts'

export type PublicKeyLine = {
  /** Type string, equal to the one inside the blob. */
  readonly type: string
  readonly blob: Buffer
  readonly comment: string
}

/** An RSA certificate of 8192 bits with many principals stays well below. */
const LINE_LIMIT = 64 * 1024

/** Parses one line; options before the type are not taken. The key itself is not checked. Never throws. */
export function parsePublicKeyLine(
  line: string,
): Result<PublicKeyLine, { readonly reason: 'bad_key_line' }> {
  if (line.length > LINE_LIMIT || /[\r\n]/.test(line.trimEnd()))
    return err({ reason: 'bad_key_line' })
  const [type = '', base64 = '', ...comment] = line.trim().split(/[ \t]/)
  const blob = Buffer.from(base64, 'base64')
  const isCanonical = blob.toString('base64') === base64
  if (type === '' || !isCanonical || new SshReader(blob).text() !== type) {
    return err({ reason: 'bad_key_line' })
  }
  return ok({ type, blob, comment: comment.join(' ') })
}

/** Prints a blob as one line, without a line end. Throws on a comment of more than one line: a bug. */
export function printPublicKeyLine(blob: Buffer, comment = ''): string {
  if (/[\r\n]/.test(comment)) throw new RangeError('comment of more than one line')
  const line = `${new SshReader(blob).text()} ${blob.toString('base64')}`
  return comment === '' ? line : `${line} ${comment}`
}
