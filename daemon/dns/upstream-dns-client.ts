/** Asks the servers that the machine had before: each question from a port and with an id of its own (RFC 5452). */
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { readAnswer, sameQuestion } from '#lib/dns/answer'
import type { Via } from '#lib/dns/answer-writer'
import { RCODE } from '#lib/dns/codes'
import { HEADER_OCTETS } from '#lib/dns/records'
import { err, ok } from '#lib/result'
import { frameMessage, MessageFramer } from './message-framer.ts'
import type { AskUpstream } from './resolver.ts'

/** A server by address; a scope such as `%eth0` may follow an IPv6 one. */
export type Upstream = { readonly host: string; readonly port: number }

/** Times a question is sent, over all servers, and how long each waits: together under a stub resolver's 5 s. */
const ATTEMPTS = 3
const ATTEMPT_MS = 1_500
const LONGEST_MESSAGE = 65_535

/**
 * @param servers those saved, now, without any of our own: see `withoutOwn`.
 * @param attemptMs time for one attempt.
 */
export function createAskUpstream(
  servers: () => readonly Upstream[],
  attemptMs = ATTEMPT_MS,
): AskUpstream {
  /** The one that answered last is asked first. */
  let first = 0
  return async (query, via) => {
    const all = servers()
    if (all.length === 0) return err({ reason: 'no_upstream' })
    let failure: Uint8Array | undefined
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const index = (first + attempt) % all.length
      const server = all[index]
      const answer = server && (await askOne(server, query, via, attemptMs))
      if (answer === undefined) continue
      if (readAnswer(answer)?.rcode !== RCODE.SERVFAIL) {
        first = index
        return ok(answer)
      }
      failure = answer
    }
    return failure === undefined ? err({ reason: 'upstream_failed' }) : ok(failure)
  }
}

/** Leaves out servers that are this resolver itself: they would ask us what we ask them. */
export function withoutOwn(
  servers: readonly Upstream[],
  own: readonly Upstream[],
): readonly Upstream[] {
  return servers.filter(
    (server) => !own.some(({ host, port }) => host === server.host && port === server.port),
  )
}

function askOne(
  server: Upstream,
  query: Uint8Array,
  via: Via,
  ms: number,
): Promise<Uint8Array | undefined> {
  const sent = Buffer.from(query)
  sent.writeUInt16BE(randomInt(0x10000), 0)
  return via === 'tcp' ? askByTcp(server, sent, ms) : askByUdp(server, sent, ms)
}

function askByUdp(
  { host, port }: Upstream,
  sent: Buffer,
  ms: number,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    const timer = setTimeout(finish, ms)
    function finish(answer?: Uint8Array): void {
      clearTimeout(timer)
      socket.removeAllListeners('message').close()
      resolve(answer)
    }
    socket.once('error', () => finish())
    socket.on('message', (message) => {
      if (isAnswerTo(sent, message)) finish(message)
    })
    // Connected: the kernel drops what others send, and says when nobody listens.
    socket.connect(port, host, () => socket.send(sent))
  })
}

function askByTcp(
  { host, port }: Upstream,
  sent: Buffer,
  ms: number,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const framer = new MessageFramer(LONGEST_MESSAGE)
    const socket = connect({ host, port, noDelay: true })
    const timer = setTimeout(finish, ms)
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
      else if (message !== undefined) finish(isAnswerTo(sent, message) ? message : undefined)
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
