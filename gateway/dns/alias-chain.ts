/** Names that an answer leads to on the way to its records. */
import { readAnswer } from '#lib/dns/answer'
import { TYPE } from '#lib/dns/codes'
import { endOfName, readCompressedName } from '#lib/dns/name'

/** Longer chains are followed by no resolver in use; each name costs an evaluation. */
const MOST_ALIASES = 16

/**
 * Targets of all aliases of an answer, in its order, also of those that the name asked for does not lead to: a server
 * that mixes up its records hides none.
 * @param message the answer whole. @returns undefined where one cannot be read, or there are more than 16. Never throws.
 */
export function aliasesIn(message: Uint8Array): readonly string[] | undefined {
  const found: string[] = []
  for (const { section, type, data } of readAnswer(message)?.records ?? []) {
    if (section !== 'answer' || type !== TYPE.CNAME) continue
    const at = data.byteOffset - message.byteOffset
    const name = readCompressedName(message, at)
    if (name === undefined || endOfName(message, at) !== at + data.length) return undefined
    found.push(name)
  }
  const names = [...new Set(found)]
  return names.length > MOST_ALIASES ? undefined : names
}
