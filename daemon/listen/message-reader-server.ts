/**
 * Reads messages from a socket with pure parsers and leaves what follows them unread.
 */
import type { Socket } from 'node:net'
import type { Result } from '#lib/result'

/** Longer than any message of SOCKS4a (519 octets) or SOCKS5 (262). */
const MESSAGE_LIMIT_BYTES = 1024

type Parsed = { readonly size: number }
type Reason = { readonly reason: string }
/** What is left of a parser's errors when `incomplete` has been dealt with. */
export type FinalError<E extends Reason> = Exclude<E, { readonly reason: 'incomplete' }>

export interface MessageReader {
  /**
   * Feeds `parse` with what has come so far until it gives a message or a reason. One call at a time.
   * @param parse takes `size` octets; `incomplete` asks for more. Beyond 1 KiB the socket is destroyed.
   * @returns undefined when the client went away first; the socket is then destroyed. After a reason it is released.
   */
  read<T extends Parsed, E extends Reason>(
    parse: (input: Uint8Array) => Result<T, E>,
  ): Promise<Result<T, FinalError<E>> | undefined>
  /** Gives the socket back, with what no message took; nothing is read after it. */
  release(): void
}

/** Starts to read; the socket belongs to the reader until `release`. */
export function createMessageReader(socket: Socket): MessageReader {
  let input: Buffer = Buffer.alloc(0)
  /** Looks at the input again; set while a message is awaited. */
  let look: () => void = () => undefined

  function onReadable(): void {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    input = input.length === 0 ? chunk : Buffer.concat([input, chunk])
    look()
  }
  const onEnd = (): void => void socket.destroy()
  const onClose = (): void => look()
  socket.on('readable', onReadable).on('end', onEnd).on('close', onClose)

  function release(): void {
    socket.off('readable', onReadable).off('end', onEnd).off('close', onClose)
    if (input.length > 0) socket.unshift(input)
  }

  /** Takes a message or its error from the input; undefined while it is incomplete. */
  function take<T extends Parsed, E extends Reason>(
    parse: (input: Uint8Array) => Result<T, E>,
  ): Result<T, FinalError<E>> | undefined {
    const parsed = parse(input)
    if (parsed.ok) input = input.subarray(parsed.value.size)
    else if (parsed.error.reason !== 'incomplete') release()
    else {
      if (input.length > MESSAGE_LIMIT_BYTES) socket.destroy()
      return undefined
    }
    return parsed as Result<T, FinalError<E>>
  }

  return {
    release,
    read: (parse) =>
      new Promise((resolve) => {
        look = () => {
          const message = socket.destroyed ? undefined : take(parse)
          if (message === undefined && !socket.destroyed) return
          look = () => undefined
          resolve(message)
        }
        look()
      }),
  }
}
