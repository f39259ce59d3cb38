/** Asks servers of DNS: each question from a port and with an id of its own (RFC 5452). */
import { randomInt } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { connect } from 'node:net'
import { readAnswer, sameQuestion } from '#lib/dns/answer'
import type { Via } from '#lib/dns/answer-writer'
import { RCODE } from '#lib/dns/codes'
import { frameMessage, MessageFramer } from '#lib/dns/message-framer'
import { HEADER_OCTETS } from '#lib/dns/records'
import type { DnsServer } from '#lib/dns/server'
import { connectUdp } from '#lib/net/udp-client'

/** How long and often is tried. */
export type Patience = {
  /** Times a question is sent, over all servers. */
  readonly attempts: number
  /** How long each waits. */
  readonly attemptMs: number
  /** The server to begin with; default: the first. */
  readonly from?: number
  /** Called for each message that came in the place of an answer and is none, as of somebody who guesses. */
  readonly onStray?: () => void
  /** Called after each attempt: what came, if anything, after how many milliseconds. */
  readonly onTried?: (server: DnsServer, message: Uint8Array | undefined, ms: number) => void
}

type Attempt = Pick<Patience, 'attemptMs' | 'onStray'>

/** What a server said; it belongs to the question. */
export type Exchanged = { readonly message: Uint8Array; readonly index: number }

const LONGEST_MESSAGE = 65_535

/** Asks one server after the other, round and round; SERVFAIL of one leads to the next. Never rejects. */
export async function askInTurn(
  servers: readonly DnsServer[],
  query: Uint8Array,
  via: Via,
  { attempts, from = 0, onTried, ...attempt }: Patience,
): Promise<Exchanged | undefined> {
  let failure: Exchanged | undefined
  for (let made = 0; made < attempts && servers.length > 0; made++) {
    const index = (from + made) % servers.length
    const server = servers[index]
    if (server === undefined) break
    const startedMs = performance.now()
    const message = await askServer(server, query, via, attempt)
    onTried?.(server, message, performance.now() - startedMs)
    if (message === undefined) continue
    if (readAnswer(message)?.rcode !== RCODE.SERVFAIL) return { message, index }
    failure = { message, index }
  }
  return failure
}

/** Asks once. Undefined: nothing came that answers the question. Never rejects. */
export function askServer(
  server: DnsServer,
  query: Uint8Array,
  via: Via,
  attempt: Attempt,
): Promise<Uint8Array | undefined> {
  const sent = Buffer.from(query)
  sent.writeUInt16BE(randomInt(0x10000), 0)
  return via === 'tcp' ? askByTcp(server, sent, attempt) : askByUdp(server, sent, attempt)
}

async function askByUdp(
  { host, port }: DnsServer,
  sent: Buffer,
  attempt: Attempt,
): Promise<Uint8Array | undefined> {
  const socket = await connectUdp(host, port)
  return socket && askOver(socket, sent, attempt)
}

/** Closes the socket. */
function askOver(
  socket: Socket,
  sent: Buffer,
  { attemptMs, onStray }: Attempt,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, attemptMs)
    function finish(answer?: Uint8Array): void {
      clearTimeout(timer)
      socket.removeAllListeners('message').close()
      resolve(answer)
    }
    socket.once('error', () => finish())
    socket.on('message', (message) => {
      if (isAnswerTo(sent, message)) finish(message)
      else onStray?.()
    })
    socket.send(sent)
  })
}

function askByTcp(
  { host, port }: DnsServer,
  sent: Buffer,
  { attemptMs, onStray }: Attempt,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const framer = new MessageFramer(LONGEST_MESSAGE)
    const socket = connect({ host, port, noDelay: true })
    const timer = setTimeout(finish, attemptMs)
    function finish(answer?: Uint8Array): void {
      clearTimeout(timer)
      socket.destroy()
      resolve(answer)
    }
    socket.once('error', () => finish())
    socket.once('close', () => finish())
    socket.once('connect', () => socket.write(frameMessage(sent)))
    socket.on('data', (chunk) => {
      const whole = framer.push(chunk)
      const [message] = whole ?? []
      if (whole === undefined) finish()
      else if (message !== undefined && isAnswerTo(sent, message)) finish(message)
      else if (message !== undefined) {
        onStray?.()
        finish()
      }
    })
  })
}

/** Whether a message answers what was sent: its id and its question, both unguessed. */
function isAnswerTo(sent: Buffer, message: Buffer): boolean {
  const answer = readAnswer(message)
  if (answer === undefined || message.readUInt16BE(0) !== sent.readUInt16BE(0)) return false
  const asked = sent.subarray(HEADER_OCTETS, HEADER_OCTETS + answer.question.length)
  return sameQuestion(asked, answer.question)
}
