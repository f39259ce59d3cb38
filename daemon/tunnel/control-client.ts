/** The daemon's end of one control stream: says hello, asks, and hears what the gateway tells unasked. */
import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { err, ok, type Result } from '#lib/result'
import { createGatewayDecoder, encodeControlMessage } from '#lib/wire/control-codec'
import type { DaemonMessage, ExplainTarget, GatewayMessage } from '#lib/wire/control-message'
import type { PostureObservation } from '#lib/wire/posture-message'
import type { AskError, TunnelEvents } from './tunnel.ts'

/** What the gateway says unasked. */
export type ControlEvents = Omit<TunnelEvents, 'onStatus' | 'onWelcome' | 'onFlowsLost'> & {
  readonly onWelcome: (welcome: Extract<GatewayMessage, { type: 'welcome' }>) => void
}

/** A question without its envelope. */
export type Question =
  | ({ readonly type: 'explain' } & ExplainTarget)
  | { readonly type: 'list_applications' }
  | { readonly type: 'audit_proof'; readonly from: number; readonly to: number }
  | { readonly type: 'posture'; readonly observations: readonly PostureObservation[] }

export interface ControlClient {
  /** Never rejects. */
  ask(question: Question): Promise<Result<GatewayMessage, AskError>>
  /** Settles when the stream is gone, with what the gateway said last about it, if anything. */
  readonly closed: Promise<{ readonly reason: string }>
  close(): void
}

const VERSIONS = { min: 1, max: 4 }
const ANSWER_TIMEOUT_MS = 10_000
/** Questions that may wait; the gateway answers 64 at most. */
const QUESTION_LIMIT = 60

/** Speaks on a stream that the gateway has answered. */
export function openControlClient(
  stream: Duplex,
  events: ControlEvents,
  answerTimeoutMs: number = ANSWER_TIMEOUT_MS,
): ControlClient {
  const waiting = new Map<string, (answer: Result<GatewayMessage, AskError>) => void>()
  const decoder = createGatewayDecoder()
  let lastNotice: string | undefined
  let seq = 0

  const send = (message: DaemonMessage): void => {
    stream.write(encodeControlMessage(message))
  }
  const envelope = () => {
    seq += 1
    return { seq, id: randomUUID() }
  }
  const take = (message: GatewayMessage): void => {
    if (message.type === 'welcome') events.onWelcome(message)
    else if (message.type === 'settings') events.onSettings(message.settings)
    else if (message.type === 'notice') {
      lastNotice = message.reason
      events.onNotice({ reason: message.reason, sentence: message.sentence })
    } else if (message.type === 'authentication_required') {
      const { type: _type, seq: _seq, id: _id, ...prompt } = message
      events.onPrompt(prompt)
    } else if (message.type === 'checkpoint') events.onCheckpoint(message.checkpoint)
    else if (message.type === 'prompt_ended') events.onPromptEnded(message)
    else waiting.get(message.id)?.(answerOf(message))
  }

  stream.on('data', (chunk: Buffer) => {
    const { incoming, error } = decoder.push(chunk)
    // What a newer gateway tells unasked is not for us.
    for (const one of incoming) if (one.kind === 'message') take(one.message)
    if (error === undefined) return
    lastNotice = error.reason
    stream.destroy()
  })
  stream.on('error', () => undefined)
  stream.once('end', () => stream.end())
  const closed = new Promise<{ readonly reason: string }>((resolve) => {
    stream.once('close', () => {
      for (const settle of waiting.values()) settle(err({ reason: 'connection_lost' }))
      resolve({ reason: lastNotice ?? 'connection_lost' })
    })
  })
  send({ type: 'hello', ...envelope(), versions: VERSIONS })

  return {
    ask(question) {
      if (stream.destroyed || stream.writableEnded || waiting.size >= QUESTION_LIMIT) {
        return Promise.resolve(err({ reason: 'not_connected' }))
      }
      const head = envelope()
      return new Promise((resolve) => {
        const settle = (answer: Result<GatewayMessage, AskError>): void => {
          clearTimeout(timer)
          waiting.delete(head.id)
          resolve(answer)
        }
        const timer = setTimeout(() => settle(err({ reason: 'timeout' })), answerTimeoutMs)
        waiting.set(head.id, settle)
        send({ ...question, ...head })
      })
    },
    closed,
    close: () => stream.destroy(),
  }
}

function answerOf(message: GatewayMessage): Result<GatewayMessage, AskError> {
  if (message.type === 'refused') return err({ reason: message.reason })
  return message.type === 'unsupported' ? err({ reason: 'unsupported' }) : ok(message)
}
