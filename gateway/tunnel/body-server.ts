/** Reads the body of a small request, bounded in size and time. */
import type { Duplex, Readable } from 'node:stream'
import { BODY_LIMIT } from './incoming.ts'

/** From the first header to the last octet of the body. */
const BODY_TIMEOUT_MS = 10_000

/** Calls `take` with the whole body as text; a body too long or too slow ends the stream instead. */
export function readBody(stream: Readable | Duplex, take: (body: string) => Promise<void>): void {
  const chunks: Buffer[] = []
  let length = 0
  const timer = setTimeout(() => stream.destroy(), BODY_TIMEOUT_MS)
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > BODY_LIMIT) stream.destroy()
    else chunks.push(chunk)
  })
  stream.once('close', () => clearTimeout(timer))
  stream.once('end', () => {
    clearTimeout(timer)
    take(Buffer.concat(chunks).toString('utf8')).catch(() => stream.destroy())
  })
}
