/**
 * The line `SSH-2.0-…` with which each side begins (RFC 4253 section 4.2).
 * A server may say other lines first; a client may not. What cannot become such a line is refused at its first octets.
 */
import { err, ok, type Result } from '#lib/result'

/** Ours; a version would only help to pick an attack. */
export const IDENTIFICATION = 'SSH-2.0-zt'

export type Identified = {
  /** The line without its end. */
  readonly line: string
  /** Octets after it, the first of the packets. */
  readonly rest: Buffer
}

/** RFC 4253 section 4.2: 255 octets with CR LF. */
const LINE_LIMIT = 255
/** Lines that a server may say first; OpenSSH reads up to 1024 of them, of 8 KiB. */
const LINES_LIMIT = 50
const PREFIX = Buffer.from('SSH-')
const FORM = /^SSH-(?:2\.0|1\.99)-[\x21-\x7e][\x20-\x7e]*$/
const LF = 10

export class IdentificationReader {
  readonly #mayTalkFirst: boolean
  #line: Buffer = Buffer.alloc(0)
  #lines = 0

  /** @param peer a server may send lines before its identification. */
  constructor(peer: 'client' | 'server') {
    this.#mayTalkFirst = peer === 'server'
  }

  /** @returns undefined while the line is not complete. Never throws. */
  receive(chunk: Buffer): Result<Identified, 'bad_identification'> | undefined {
    let rest = chunk
    while (rest.length > 0) {
      const end = rest.indexOf(LF)
      if (!this.#append(end === -1 ? rest : rest.subarray(0, end))) return err('bad_identification')
      if (end === -1) return undefined
      rest = rest.subarray(end + 1)
      const line = this.#takeLine()
      if (FORM.test(line)) return ok({ line, rest })
      if (line.startsWith('SSH-') || ++this.#lines > LINES_LIMIT) return err('bad_identification')
    }
    return undefined
  }

  #append(part: Buffer): boolean {
    if (this.#line.length + part.length >= LINE_LIMIT) return false
    this.#line = Buffer.concat([this.#line, part])
    return this.#mayTalkFirst || this.#beginsRight()
  }

  #beginsRight(): boolean {
    const length = Math.min(PREFIX.length, this.#line.length)
    return PREFIX.subarray(0, length).equals(this.#line.subarray(0, length))
  }

  /** The CR before the LF is missing in some old peers, so it is optional. */
  #takeLine(): string {
    const line = this.#line.toString('latin1').replace(/\r$/, '')
    this.#line = Buffer.alloc(0)
    return line
  }
}
