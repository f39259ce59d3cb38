/**
 * Shapes of the control messages: exact keys in every type we know; the types themselves are in ./control-message.ts.
 */
import { z } from 'zod'
import { hasItsPort } from '#lib/net/flow-endpoint'
import type { DaemonMessage, GatewayMessage } from './control-message.ts'
import {
  POSTURE_CHECK_LIMIT,
  POSTURE_OBSERVATION,
  POSTURE_REQUEST,
  POSTURE_RESULT,
} from './posture-schema.ts'
import { promptEnd, promptNotice } from './prompt-schema.ts'

/** Longest `id` or `type` that is repeated to the peer. */
const WORD_LIMIT = 128

const word = z.string().min(1).max(WORD_LIMIT)
/** Ping has port 0. */
const port = z.int().min(0).max(65535)
const transport = z.enum(['tcp', 'udp', 'icmp'])
const version = z.int().min(1).max(65535)
const envelope = { seq: z.int().min(1), id: word }
const texts = z.array(z.string())
const size = z.int().nonnegative()
/** More than a log of 2^64 lines needs. */
const proof = z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(130)
/** A checkpoint is about 600 octets. */
const checkpoint = z.string().max(4096)

const settings = z.strictObject({
  domains: texts,
  prefixes: texts,
  others: z.enum(['direct', 'refuse']),
  sshHostAuthorities: texts,
  postureRequests: z.array(POSTURE_REQUEST).max(POSTURE_CHECK_LIMIT),
  service: z.strictObject({ name: word, expiresAtMs: z.int().exactOptional() }).exactOptional(),
  synthetic: z.strictObject({ v4: word.exactOptional(), v6: word.exactOptional() }).exactOptional(),
  lockdown: z.boolean().exactOptional(),
  lock: z.strictObject({ overrideKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }).exactOptional(),
  captivePortalMs: size.exactOptional(),
})
const application = z.strictObject({
  name: z.string(),
  destinations: texts,
  protocol: z.string().exactOptional(),
  unixUsers: texts.exactOptional(),
})
const explainStep = z.strictObject({
  step: word,
  outcome: z.enum(['passed', 'failed', 'not_reached']),
  detail: z.string().exactOptional(),
})
const explanation = z.strictObject({
  host: z.string(),
  port,
  transport: transport.exactOptional(),
  verdict: z.enum(['permit', 'denial']),
  reason: word,
  sentence: z.string(),
  remedy: z.string().exactOptional(),
  application: z.string().exactOptional(),
  policy: z.string().exactOptional(),
  steps: z.array(explainStep),
})

/** What a daemon may send. */
export const DAEMON_MESSAGE: z.ZodType<DaemonMessage> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    ...envelope,
    versions: z.strictObject({ min: version, max: version }),
  }),
  z
    .strictObject({
      type: z.literal('explain'),
      ...envelope,
      host: z.string().max(255),
      port,
      transport: transport.exactOptional(),
    })
    .refine(hasItsPort),
  z.strictObject({ type: z.literal('list_applications'), ...envelope }),
  z.strictObject({
    type: z.literal('posture'),
    ...envelope,
    observations: z.array(POSTURE_OBSERVATION).max(POSTURE_CHECK_LIMIT),
  }),
  z.strictObject({ type: z.literal('audit_proof'), ...envelope, from: size, to: size }),
])
/** Types with a shape in `DAEMON_MESSAGE`. */
export const DAEMON_TYPES = new Set<string>([
  'hello',
  'explain',
  'list_applications',
  'posture',
  'audit_proof',
])

/** What a gateway may send. */
export const GATEWAY_MESSAGE: z.ZodType<GatewayMessage> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('welcome'),
    ...envelope,
    version,
    deviceId: word,
    userEmail: z.string(),
    settings,
  }),
  z.strictObject({ type: z.literal('settings'), ...envelope, settings }),
  z.strictObject({ type: z.literal('explanation'), ...envelope, explanation }),
  z.strictObject({
    type: z.literal('applications'),
    ...envelope,
    applications: z.array(application),
  }),
  z.strictObject({
    type: z.literal('posture_results'),
    ...envelope,
    results: z.array(POSTURE_RESULT).max(POSTURE_CHECK_LIMIT),
  }),
  z.strictObject({ type: z.literal('notice'), ...envelope, reason: word, sentence: z.string() }),
  z.strictObject({ type: z.literal('checkpoint'), ...envelope, checkpoint }),
  z.strictObject({ type: z.literal('audit_proof'), ...envelope, hashes: proof }),
  z.strictObject({ type: z.literal('refused'), ...envelope, reason: word }),
  z.strictObject({ type: z.literal('authentication_required'), ...envelope, ...promptNotice }),
  z.strictObject({ type: z.literal('prompt_ended'), ...envelope, ...promptEnd }),
  z.strictObject({ type: z.literal('unsupported'), ...envelope, got: word }),
])
/** Types with a shape in `GATEWAY_MESSAGE`. */
export const GATEWAY_TYPES = new Set<string>([
  'welcome',
  'settings',
  'explanation',
  'applications',
  'posture_results',
  'notice',
  'checkpoint',
  'audit_proof',
  'refused',
  'authentication_required',
  'prompt_ended',
  'unsupported',
])

/** What every message has, known or not. */
export const ENVELOPE = z.looseObject({ type: word, ...envelope })
