/**
 * Cuts a stream of octets into lines with a bounded length. Pure; used under every JSON-lines protocol of ours.
 */

/** Lines that one chunk completed, without the line feed; `overflow` once the next one is too long, for good. */
export type CutLines = { readonly lines: readonly Uint8Array[]; readonly overflow: boolean }

/** Keeps the unfinished line between chunks. */
export interface LineCutter {
  /** Does not keep `chunk`. The lines over a whole stream do not depend on how it was split. */
  push(chunk: Uint8Array): CutLines
}

const LINE_FEED = 0x0a

/** @param limitBytes longest line, without its line feed. */
export function createLineCutter(limitBytes: number): LineCutter {
  let pieces: Uint8Array[] = []
  let pendingBytes = 0
  let overflow = false

  function keep(piece: Uint8Array): void {
    pendingBytes += piece.length
    overflow ||= pendingBytes > limitBytes
    pieces.push(piece)
  }

  function push(chunk: Uint8Array): CutLines {
    if (overflow) return { lines: [], overflow }
    const lines: Uint8Array[] = []
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      keep(chunk.subarray(start, end))
      if (overflow) return { lines, overflow }
      lines.push(Buffer.concat(pieces))
      pieces = []
      pendingBytes = 0
      start = end + 1
    }
    keep(Uint8Array.from(chunk.subarray(start)))
    return { lines, overflow }
  }
  return { push }
}
