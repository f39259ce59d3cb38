/**
 * A byte stream over a local socket, with an end that can be told from a socket that was closed: Unix sockets know no
 * reset, and what was cut off must not look complete.
 */
import { Duplex } from 'node:stream'
import { createStreamCapsuleReader, dataHead, streamEnd } from './stream-capsules.ts'

/**
 * @param socket may hold unread octets; it belongs to the stream from now on, and is closed with it.
 * @returns a stream that fails with ECONNRESET when the socket ends before both sides have said their end.
 */
export function capsuleStreamOn(socket: Duplex): Duplex {
  let isOver = false
  let isSaid = false
  const reader = createStreamCapsuleReader(
    (octets) => {
      if (!stream.push(octets)) socket.pause()
    },
    () => {
      isOver = true
      stream.push(null)
    },
  )
  const cutOff = (): void => {
    stream.destroy(Object.assign(new Error('cut off'), { code: 'ECONNRESET' }))
  }
  const socketEnded = (): void => {
    if (!isOver || !isSaid) cutOff()
  }
  const stream: Duplex = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, _encoding, done) => send(socket, [chunk], done),
    writev: (chunks, done) => send(socket, chunks.map(chunkOf), done),
    final: (done) => {
      socket.write(streamEnd(), (failure) => {
        isSaid = !failure
        done(failure)
      })
    },
    destroy: (failure, done) => {
      socket.destroy()
      done(failure)
    },
  })
  socket.on('data', (chunk: Buffer) => {
    if (!reader.push(chunk).ok) cutOff()
  })
  socket.on('end', socketEnded).on('close', socketEnded).on('error', socketEnded)
  if (socket.destroyed) queueMicrotask(socketEnded)
  else socket.resume()
  return stream
}

const chunkOf = ({ chunk }: { readonly chunk: Buffer }): Buffer => chunk

function send(
  socket: Duplex,
  chunks: readonly Buffer[],
  done: (failure?: Error | null) => void,
): void {
  const octets = chunks.reduce((sum, { length }) => sum + length, 0)
  socket.cork()
  for (const chunk of [dataHead(octets), ...chunks.slice(0, -1)]) socket.write(chunk)
  socket.write(chunks.at(-1) ?? Buffer.alloc(0), done)
  socket.uncork()
}
