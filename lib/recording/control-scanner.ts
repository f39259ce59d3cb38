/**
 * Finds in a terminal stream, in any split, what an index of commands needs to know before anything is drawn:
 * OSC 133 marks, and where the alternate screen begins and ends.
 */
import { concat } from '../seal/bytes.ts'

export type Found =
  | { readonly type: 'mark'; readonly text: string; readonly end: number }
  /** `sequence` is the octets that switch. */
  | {
      readonly type: 'alternate'
      readonly on: boolean
      readonly sequence: Uint8Array
      readonly end: number
    }

const ESC = 0x1b
const BEL = 0x07
/** ESC ] 133 ; */
const MARK = [ESC, 0x5d, 0x31, 0x33, 0x33, 0x3b]
/** A longer mark is none: a command line is at most 128 KiB in a shell, and base64 makes it longer. */
const MARK_LIMIT = 256 * 1024
/** A longer CSI is none. */
const CSI_LIMIT = 64
const NOTHING = new Uint8Array(0)
const latin1 = new TextDecoder('latin1')

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
const WHOLE = /^\u001b(?:\]133;([^\u0007\u001b]*)(?:\u0007|\u001b\\)|\[\?([\d;]*)([hl]))/
/** The beginning of what `WHOLE` finds. */
const BEGUN = /^\u001b(?:\](?:1(?:3(?:3(?:;[^\u0007\u001b]*\u001b?)?)?)?)?|\[(?:\?[\d;]*)?)?$/
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: see above
const ALTERNATE_MODES = ['47', '1047', '1049']

export class ControlScanner {
  /** A sequence that has begun. */
  #begun: Uint8Array = NOTHING

  /** What ends in the next octets, in order; `end` counts from the start of `bytes`. */
  push(bytes: Uint8Array): readonly Found[] {
    const before = this.#begun.length
    const all = before === 0 ? bytes : concat([this.#begun, bytes])
    this.#begun = NOTHING
    const found: Found[] = []
    for (let at = all.indexOf(ESC); at >= 0; at = all.indexOf(ESC, at + 1)) {
      const text = latin1.decode(candidate(all, at))
      const match = WHOLE.exec(text)
      if (!match) {
        if (at + text.length < all.length || !BEGUN.test(text)) continue
        this.#begun = Uint8Array.from(all.subarray(at))
        break
      }
      const one = meaningOf(match, at + match[0].length - before)
      if (one) found.push(one)
      at += match[0].length - 1
    }
    return found
  }
}

/** The octets at `at` that may be a whole sequence. Each octet is looked at for one mark only. */
function candidate(all: Uint8Array, at: number): Uint8Array {
  if (MARK.some((octet, index) => all[at + index] !== octet))
    return all.subarray(at, at + CSI_LIMIT)
  let end = at + MARK.length
  while (end < all.length && all[end] !== BEL && all[end] !== ESC) end++
  return all.subarray(at, Math.min(end + 2, at + MARK_LIMIT))
}

function meaningOf(
  [sequence, mark, modes, letter]: RegExpExecArray,
  end: number,
): Found | undefined {
  if (mark !== undefined) return { type: 'mark', text: mark, end }
  if (!modes?.split(';').some((mode) => ALTERNATE_MODES.includes(mode))) return undefined
  const octets = Uint8Array.from(sequence, (char) => char.charCodeAt(0))
  return { type: 'alternate', on: letter === 'h', sequence: octets, end }
}
