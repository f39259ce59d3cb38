/**
 * Reads one message from a socket with a pure parser and leaves what follows it unread.
 */
import type { Socket } from 'node:net'
import type { Result } from '#lib/result'

/** Longer than any message of SOCKS4a (519 octets) or SOCKS5 (262). */
const MESSAGE_LIMIT_BYTES = 1024

type Parsed = { readonly size: number }
type Reason = { readonly reason: string }
/** What is left of a parser's errors when `incomplete` has been dealt with. */
export type FinalError<E extends Reason> = Exclude<E, { readonly reason: 'incomplete' }>

/**
 * Feeds `parse` with what has come so far until it gives a message or a reason.
 * @param parse takes `size` octets; `incomplete` asks for more. Beyond 1 KiB the socket is destroyed.
 * @returns undefined when the client went away first; the socket is then destroyed.
 */
export async function readParsed<T extends Parsed, E extends Reason>(
  socket: Socket,
  parse: (input: Uint8Array) => Result<T, E>,
): Promise<Result<T, FinalError<E>> | undefined> {
  let input = Buffer.alloc(0)
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      input = Buffer.concat([input, chunk])
      const parsed = parse(input)
      if (!parsed.ok && parsed.error.reason === 'incomplete') {
        if (input.length > MESSAGE_LIMIT_BYTES) break
        continue
      }
      if (parsed.ok) socket.unshift(input.subarray(parsed.value.size))
      return parsed as Result<T, FinalError<E>>
    }
  } catch {
    // The client broke the connection, or the deadline did: nothing is left to answer to.
  }
  socket.destroy()
  return undefined
}
