/** The archive of `zt doctor --bundle`, before it is compressed. Pure. */
import { TAR_END, tarMember } from '#lib/evidence/tar'
import { concat, utf8 } from '#lib/seal/bytes'

/** A tar of texts by file name. @throws {RangeError} for a name that `tarHead` refuses. */
export function archiveOf(members: Readonly<Record<string, string>>): Uint8Array {
  const parts = Object.entries(members).map(([name, text]) => tarMember(name, utf8(text)))
  return concat([...parts, TAR_END])
}
