/** What a peer sends on a flow before it was answered: bounded, while the flow may wait for long. */
import type { Readable } from 'node:stream'

/** Octets of one flow; a receive window alone would let a peer leave megabytes. */
export const EARLY_LIMIT = 64 * 1024

/**
 * Reads a stream that nobody else reads yet. The last octet stays unread, so that an end is not announced before
 * somebody listens for it.
 * @returns what puts the octets back.
 */
export function takeEarly(stream: Readable, onOver: () => void): () => void {
  const taken: Buffer[] = []
  let length = 0
  const take = (): void => {
    const chunk: Buffer | null =
      stream.readableLength > 1 ? stream.read(stream.readableLength - 1) : null
    if (chunk === null) return
    length += chunk.length
    if (length <= EARLY_LIMIT) taken.push(chunk)
    else {
      stream.off('readable', take)
      onOver()
    }
  }
  stream.on('readable', take)
  return () => {
    stream.off('readable', take)
    if (length > 0) stream.unshift(Buffer.concat(taken))
  }
}
