/**
 * Shapes of posture on the wire: exact keys, everything bounded; the types themselves are in ./posture-message.ts.
 */
import { z } from 'zod'
import type {
  PostureFailure,
  PostureFinding,
  PostureObservation,
  PostureRequest,
  PostureResult,
} from './posture-message.ts'

/** Checks of one organisation, and observations of one device. */
export const POSTURE_CHECK_LIMIT = 64
/** An observation that is older, a day, was none. */
export const POSTURE_AGE_LIMIT_MS = 24 * 3_600_000
/** Entries of the longest list in a finding. */
export const POSTURE_LIST_LIMIT = 32

const word = z.string().min(1).max(64)
const text = z.string().max(256)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const list = <T extends z.ZodType>(entry: T) => z.array(entry).max(POSTURE_LIST_LIMIT)
const asked = { name: word, kind: word, lookAt: list(text) }

/** What a gateway asks for. */
export const POSTURE_REQUEST: z.ZodType<PostureRequest> = z.strictObject({
  ...asked,
  everyMs: z.int().min(1),
})

/** What a device found. */
export const POSTURE_FINDING: z.ZodType<PostureFinding> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('os_version'),
    versions: z
      .record(word, text)
      .refine((versions) => Object.keys(versions).length <= POSTURE_LIST_LIMIT),
  }),
  z.strictObject({
    kind: z.literal('disk_encryption'),
    mounts: list(z.strictObject({ mount: text, encrypted: z.boolean() })),
  }),
  z.strictObject({
    kind: z.literal('firewall'),
    enabled: z.boolean(),
    by: text.exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('file'),
    exists: z.boolean(),
    resolved: text.exactOptional(),
    sha256: hash.exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('process'),
    running: list(z.strictObject({ path: text, sha256: hash.exactOptional() })),
  }),
  z.strictObject({ kind: z.literal('client_version'), version: text }),
  z.strictObject({
    kind: z.literal('sshd_config'),
    value: text,
    by: text.exactOptional(),
  }),
  z.strictObject({ kind: z.literal('domain_join'), domains: list(text) }),
  z.strictObject({ kind: z.literal('serial'), serial: text }),
])

const failure: z.ZodType<PostureFailure> = z.strictObject({
  kind: z.literal('none'),
  reason: z.enum(['unreadable', 'unsupported', 'unsupported_system']),
  detail: text.exactOptional(),
})

/** One answer of a device. */
export const POSTURE_OBSERVATION: z.ZodType<PostureObservation> = z.strictObject({
  ...asked,
  observedAgoMs: z.int().min(0).max(POSTURE_AGE_LIMIT_MS),
  found: z.union([POSTURE_FINDING, failure]),
})

/** What a gateway thinks of it. */
export const POSTURE_RESULT: z.ZodType<PostureResult> = z.strictObject({
  name: word,
  passed: z.boolean(),
  detail: z.string(),
  validForMs: z.int().min(0),
})
