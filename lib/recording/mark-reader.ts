/**
 * Reads the marks of one instrumented shell. OSC 133 ; C ; nonce ; base64 of `history 1` comes before a command runs,
 * OSC 133 ; D ; nonce ; exit code ; base64 of `history 1` before each prompt. Others (`133;A`) are none of ours.
 * The nonce keeps printed text from being taken for a mark; a user who wants to can read it.
 */
export type ShellMark =
  | { readonly type: 'started'; readonly text: string }
  /** It ran, but the shell's history has nothing new: it begins with a space, or repeats the one before. */
  | { readonly type: 'started_unnamed' }
  | { readonly type: 'ended'; readonly code: number }
  | { readonly type: 'forged'; readonly text: string }

/** Forged marks that are told of; a file full of them must not fill an index. */
const FORGED_LIMIT = 100
const HISTORY = /^\s*(\d+)\*?\s+([\s\S]*?)\s*$/

export class MarkReader {
  readonly #nonce: string | undefined
  /** The last line of the history, with its number. */
  #history: string | undefined
  #forged = 0

  /** @param nonce without one, every mark is forged. */
  constructor(nonce: string | undefined) {
    this.#nonce = nonce
  }

  /** Reads what stood between `ESC ] 133 ;` and its end. */
  read(mark: string): ShellMark | undefined {
    const [kind, nonce, ...fields] = mark.split(';')
    if (!(kind === 'C' && fields.length === 1) && !(kind === 'D' && fields.length === 2)) {
      return undefined
    }
    const history = decode(fields.at(-1) ?? '')
    if (nonce !== this.#nonce || history === undefined) return this.#forgedMark(history ?? '')
    return kind === 'C' ? this.#started(history) : this.#ended(fields[0] ?? '', history)
  }

  #started(history: string): ShellMark {
    const text = HISTORY.exec(history)?.[2]
    const isOld = history === this.#history
    this.#history = history
    return text === undefined || isOld ? { type: 'started_unnamed' } : { type: 'started', text }
  }

  #ended(code: string, history: string): ShellMark | undefined {
    this.#history = history
    return /^\d{1,3}$/.test(code) ? { type: 'ended', code: Number(code) } : undefined
  }

  #forgedMark(history: string): ShellMark | undefined {
    if (this.#forged++ >= FORGED_LIMIT) return undefined
    return { type: 'forged', text: HISTORY.exec(history)?.[2] ?? history }
  }
}

function decode(base64: string): string | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return undefined
  try {
    const octets = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
    return new TextDecoder().decode(octets)
  } catch {
    return undefined
  }
}
