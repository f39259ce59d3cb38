/**
 * Whether SSH is spoken inside a forwarding: a client of SSH begins with its identification (RFC 4253 section 4.2);
 * a server may say other things before. What is wrapped once more, in TLS for example, is not seen.
 */
import type { Side } from './side.ts'

const BEGINNING = Buffer.from('SSH-')

export class NestedSsh {
  /** Octets of the beginning that came so far; undefined once something else came. */
  readonly #matched: Record<Side, number | undefined> = { user: 0, target: 0 }

  /** Takes the next octets of one side, in any split. @returns true when they complete the beginning of SSH. */
  completes(from: Side, bytes: Buffer): boolean {
    const before = this.#matched[from]
    if (before === undefined || before === BEGINNING.length) return false
    const wanted = BEGINNING.subarray(before, before + bytes.length)
    const isSame = bytes.subarray(0, wanted.length).equals(wanted)
    this.#matched[from] = isSame ? before + wanted.length : undefined
    return this.#matched[from] === BEGINNING.length
  }
}
