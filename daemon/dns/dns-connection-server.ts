/** DNS over one TCP connection (RFC 7766), wherever it was accepted. */
import type { Socket } from 'node:net'
import { frameMessage, MessageFramer } from '#lib/dns/message-framer'
import type { AnswerQuery } from './resolver.ts'

/** How long a client may be silent, or not read (RFC 7766 section 6.2.3: a few seconds). */
const IDLE_MS = 10_000
/** Octets of a question by TCP: a name, and room for options. */
const LONGEST_QUERY = 4096
/** Questions of one connection under way. */
const PIPELINED = 32

/** Answers as they come (section 7); reads on only while few are under way and the client takes them. */
export function serveDnsConnection(socket: Socket, answer: AnswerQuery, idleMs = IDLE_MS): void {
  const framer = new MessageFramer(LONGEST_QUERY)
  let underWay = 0
  let hasEnded = false
  // A client that does not read is as silent as one that does not ask.
  socket.setTimeout(idleMs, () => socket.destroy())

  const turn = (): void => {
    if (hasEnded && underWay === 0) socket.end()
    else if (underWay < PIPELINED && !socket.writableNeedDrain) socket.resume()
    else socket.pause()
  }
  const answerOne = async (query: Buffer): Promise<void> => {
    underWay++
    const reply = await answer(query, 'tcp')
    underWay--
    if (reply === undefined) socket.destroy()
    else if (socket.writable) socket.write(frameMessage(reply))
    turn()
  }
  socket.on('drain', turn)
  socket.on('end', () => {
    hasEnded = true
    turn()
  })
  socket.on('data', (chunk) => {
    const queries = framer.push(chunk)
    if (queries === undefined) socket.destroy()
    for (const query of queries ?? []) answerOne(query).catch(() => socket.destroy())
    turn()
  })
  turn()
}
