/** Why an answer is what it is (RFC 8914), among the options of an OPT record. */
import type { ExtendedError } from '#lib/dns/answer-writer'
import { ERROR_OPTION } from '#lib/dns/codes'
import { viewOf } from '#lib/dns/records'

/** Code and length. */
const OPTION_HEAD = 4

/** The first one that is whole. Never throws. */
export function readExtendedError(options: Uint8Array): ExtendedError | undefined {
  const view = viewOf(options)
  for (let at = 0; at + OPTION_HEAD <= options.length; ) {
    const end = at + OPTION_HEAD + view.getUint16(at + 2)
    if (end > options.length) return undefined
    const data = options.subarray(at + OPTION_HEAD, end)
    if (view.getUint16(at) === ERROR_OPTION && data.length >= 2) {
      const text = Buffer.from(data.subarray(2)).toString('utf8')
      return { code: viewOf(data).getUint16(0), text }
    }
    at = end
  }
  return undefined
}
