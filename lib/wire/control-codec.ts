/**
 * Control messages to JSON lines and back. One decoder per stream and direction; it keeps the unfinished line and the
 * sequence number. Pure: whoever owns the stream decides what an error does to it.
 */
import type { z } from 'zod'
import { err, ok, type Result } from '#lib/result'
import type { DaemonMessage, GatewayMessage } from './control-message.ts'
import {
  DAEMON_MESSAGE,
  DAEMON_TYPES,
  ENVELOPE,
  GATEWAY_MESSAGE,
  GATEWAY_TYPES,
} from './control-schema.ts'
import { createLineCutter } from './line-cutter.ts'

/** Longest line a gateway takes, octets without the line feed: a daemon only asks short questions. */
export const DAEMON_LINE_LIMIT = 16 * 1024
/** Longest line a daemon takes: settings and application lists of a large organisation fit. */
export const GATEWAY_LINE_LIMIT = 4 * 1024 * 1024

/** Why a stream of messages is broken; the receiver closes it. */
export type ControlError = {
  readonly reason: 'line_too_long' | 'bad_json' | 'bad_message' | 'bad_sequence'
  readonly detail?: string
}

/** A message, or one of a type this version does not know: the answer to that is `unsupported` with its id. */
export type Incoming<M> =
  | { readonly kind: 'message'; readonly message: M }
  | { readonly kind: 'unknown_type'; readonly id: string; readonly got: string }

/** What one chunk brought: the whole messages in order, then perhaps the error that ends the stream. */
export type Decoded<M> = {
  readonly incoming: readonly Incoming<M>[]
  readonly error?: ControlError
}

/** Takes the octets of one direction of one stream. */
export interface ControlDecoder<M> {
  /** Never throws; the result over a whole stream does not depend on how it was split. Dead after an error. */
  push(chunk: Uint8Array): Decoded<M>
}

/** Decoder of what a daemon sends. */
export function createDaemonDecoder(): ControlDecoder<DaemonMessage> {
  return createDecoder(DAEMON_MESSAGE, DAEMON_TYPES, DAEMON_LINE_LIMIT)
}

/** Decoder of what a gateway sends. */
export function createGatewayDecoder(): ControlDecoder<GatewayMessage> {
  return createDecoder(GATEWAY_MESSAGE, GATEWAY_TYPES, GATEWAY_LINE_LIMIT)
}

/** One message as its line, line feed included. JSON escapes every control character inside strings. */
export function encodeControlMessage(message: DaemonMessage | GatewayMessage): string {
  return `${JSON.stringify(message)}\n`
}

function createDecoder<M>(
  schema: z.ZodType<M>,
  types: ReadonlySet<string>,
  lineLimit: number,
): ControlDecoder<M> {
  const cutter = createLineCutter(lineLimit)
  let lastSeq = 0
  let failure: ControlError | undefined

  function takeLine(line: Uint8Array): Result<Incoming<M>, ControlError> {
    const read = parseLine(line, schema, types)
    if (!read.ok) return read
    if (read.value.seq !== lastSeq + 1) {
      return err({ reason: 'bad_sequence', detail: `expected ${lastSeq + 1}` })
    }
    lastSeq = read.value.seq
    return ok(read.value.incoming)
  }

  function push(chunk: Uint8Array): Decoded<M> {
    const incoming: Incoming<M>[] = []
    const cut = cutter.push(chunk)
    for (const line of failure === undefined ? cut.lines : []) {
      const taken = takeLine(line)
      if (!taken.ok) {
        failure = taken.error
        break
      }
      incoming.push(taken.value)
    }
    if (cut.overflow) failure ??= { reason: 'line_too_long', detail: `limit ${lineLimit}` }
    return failure === undefined ? { incoming } : { incoming, error: failure }
  }
  return { push }
}

type ReadLine<M> = { readonly seq: number; readonly incoming: Incoming<M> }

function parseLine<M>(
  line: Uint8Array,
  schema: z.ZodType<M>,
  types: ReadonlySet<string>,
): Result<ReadLine<M>, ControlError> {
  const json = parseJson(line)
  if (!json.ok) return json
  const head = ENVELOPE.safeParse(json.value)
  if (!head.success) return err({ reason: 'bad_message', detail: firstIssue(head.error) })
  const { type, seq, id } = head.data
  if (!types.has(type)) return ok({ seq, incoming: { kind: 'unknown_type', id, got: type } })
  const message = schema.safeParse(json.value)
  if (!message.success) return err({ reason: 'bad_message', detail: firstIssue(message.error) })
  return ok({ seq, incoming: { kind: 'message', message: message.data } })
}

function parseJson(line: Uint8Array): Result<unknown, ControlError> {
  try {
    return ok(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line)))
  } catch {
    return err({ reason: 'bad_json' })
  }
}

/** Names the place and the rule, never the value: it may be a secret of the user's. */
function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0]
  return issue === undefined ? 'invalid' : `${issue.path.join('.')}: ${issue.code}`
}
