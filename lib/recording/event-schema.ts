/**
 * Session events as JSON inside a recording, and the class each is sealed in.
 */
import { z } from 'zod'
import type { SealClass } from '../seal/container-format.ts'
import type { SessionEvent } from './session-event.ts'

const channel = z.int32()
const text = z.string()
const cells = z.int().nonnegative()
const count = z.number().nonnegative()

const schema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('channel_opened'), channel, kind: text }),
  z.strictObject({ type: z.literal('channel_closed'), channel }),
  z.strictObject({ type: z.literal('pty'), channel, term: text, columns: cells, rows: cells }),
  z.strictObject({ type: z.literal('resize'), channel, columns: cells, rows: cells }),
  z.strictObject({ type: z.literal('shell'), channel }),
  z.strictObject({ type: z.literal('exec'), channel, command: text }),
  z.strictObject({ type: z.literal('command_marks'), channel, nonce: text }),
  z.strictObject({ type: z.literal('subsystem'), channel, name: text }),
  z.strictObject({ type: z.literal('env'), channel, name: text, value: text }),
  z.strictObject({ type: z.literal('signal'), channel, name: text }),
  z.strictObject({ type: z.literal('eof'), channel, from: z.enum(['user', 'target']) }),
  z.strictObject({ type: z.literal('exit_status'), channel, code: z.number() }),
  z.strictObject({
    type: z.literal('exit_signal'),
    channel,
    name: text,
    coreDumped: z.boolean(),
  }),
  z.strictObject({
    type: z.literal('sftp'),
    channel,
    operation: text,
    path: text,
    toPath: text.exactOptional(),
    status: z.number().exactOptional(),
    readBytes: count.exactOptional(),
    wroteBytes: count.exactOptional(),
  }),
  z.strictObject({ type: z.literal('sftp_unreadable'), channel, reason: text }),
  z.strictObject({
    type: z.literal('forward_requested'),
    channel,
    kind: text,
    target: text.exactOptional(),
  }),
  z.strictObject({
    type: z.literal('forward_opened'),
    channel,
    kind: text,
    target: text.exactOptional(),
  }),
  z.strictObject({
    type: z.literal('forward_closed'),
    channel,
    fromUserBytes: count,
    fromTargetBytes: count,
  }),
  z.strictObject({ type: z.literal('hop_opened'), channel, target: text }),
  z.strictObject({ type: z.literal('nested_opaque'), channel }),
  z.strictObject({
    type: z.literal('command'),
    channel,
    atUs: count,
    outputBytes: count,
    source: z.enum(['osc133', 'screen', 'hidden']),
    confidence: z.enum(['fact', 'high', 'medium', 'low', 'forged']),
    text,
  }),
  z.strictObject({ type: z.literal('commands_missed'), channel, reason: text }),
  z.strictObject({ type: z.literal('alert'), channel, rule: text, action: text }),
  z.strictObject({
    type: z.literal('refused'),
    channel,
    what: text,
    target: text.exactOptional(),
    reason: text,
  }),
])

/**
 * What a replay needs goes with the output; what says what was done goes into the index,
 * so that a searcher of commands need not be able to read screens, and the other way round.
 */
const CLASS_OF: Readonly<Record<SessionEvent['type'], SealClass>> = {
  channel_opened: 'output',
  channel_closed: 'output',
  pty: 'output',
  resize: 'output',
  shell: 'output',
  signal: 'output',
  eof: 'output',
  exit_status: 'output',
  exit_signal: 'output',
  exec: 'index',
  command_marks: 'index',
  subsystem: 'index',
  env: 'index',
  sftp: 'index',
  sftp_unreadable: 'index',
  forward_requested: 'index',
  forward_opened: 'index',
  forward_closed: 'index',
  hop_opened: 'index',
  nested_opaque: 'index',
  command: 'index',
  commands_missed: 'index',
  alert: 'index',
  refused: 'index',
}

/** The class an event is sealed in. */
export function classOfEvent(event: SessionEvent): SealClass {
  return CLASS_OF[event.type]
}

/** UTF-8 JSON of an event; undefined when it is none that we know. */
export function parseEvent(json: Uint8Array): SessionEvent | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(new TextDecoder().decode(json)))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}
