/**
 * Decoder of what `zt` asks over the control socket; the types are in ./control-api.ts. Every field is untrusted.
 */
import { z } from 'zod'
import type { ControlReply, ControlRequest } from '#lib/api/control-api'
import { SERVICE_CREDENTIALS } from '#lib/enrol/service-credentials'
import { hasItsPort } from '#lib/net/flow-endpoint'
import { err, ok, type Result } from '#lib/result'

/** Longest request, in octets, without its line feed. */
export const CONTROL_LINE_LIMIT_BYTES = 64 * 1024

/** `detail` names the place of the mistake; it repeats nothing of the request. */
export type ControlRequestError = {
  readonly reason: 'bad_json' | 'bad_request'
  readonly detail: string
}

/** Longest host that is looked at (RFC 1035 section 3.1, with a trailing dot). */
const HOST_LIMIT = 254
const URL_LIMIT = 2048
const FINGERPRINT_LIMIT = 128
const DEVICE_NAME_LIMIT = 64
/** An override code has 19 characters as it is written. */
const CODE_LIMIT = 64
/** An RSA key of 8192 bits has 1.4 KiB. */
const KEY_LINE_LIMIT = 4096
const UNIX_USER_LIMIT = 32
const PRINCIPALS_LIMIT = 256
/** More octets of a DNS message than a question has, in base64url. */
const QUERY_LIMIT = 8192

const REQUEST: z.ZodType<ControlRequest> = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('status') }),
  z.strictObject({
    method: z.literal('enroll'),
    url: z.string().min(1).max(URL_LIMIT),
    caSha256: z.string().min(1).max(FINGERPRINT_LIMIT).exactOptional(),
    deviceName: z.string().min(1).max(DEVICE_NAME_LIMIT).exactOptional(),
    serviceToken: SERVICE_CREDENTIALS.exactOptional(),
  }),
  z.strictObject({ method: z.literal('login') }),
  z.strictObject({ method: z.literal('logout') }),
  z.strictObject({ method: z.literal('up') }),
  z.strictObject({ method: z.literal('down') }),
  z.strictObject({ method: z.literal('override'), code: z.string().max(CODE_LIMIT) }),
  z.strictObject({ method: z.literal('portal'), open: z.boolean() }),
  z.strictObject({ method: z.literal('settings') }),
  z.strictObject({ method: z.literal('apps') }),
  z.strictObject({ method: z.literal('prompts') }),
  z.strictObject({
    method: z.literal('ssh_certificate'),
    publicKey: z.string().min(1).max(KEY_LINE_LIMIT),
    principals: z.array(z.string().min(1).max(UNIX_USER_LIMIT)).max(PRINCIPALS_LIMIT),
  }),
  z.strictObject({ method: z.literal('watch') }),
  z
    .strictObject({
      method: z.literal('open'),
      host: z.string().min(1).max(HOST_LIMIT),
      port: z.int().min(0).max(65535),
      transport: z.enum(['tcp', 'udp', 'icmp']),
      onlyPrivate: z.boolean().exactOptional(),
    })
    .refine(hasItsPort),
  z.strictObject({
    method: z.literal('resolve'),
    query: z.base64url().max(QUERY_LIMIT),
    via: z.enum(['udp', 'tcp']),
    onlyPrivate: z.boolean().exactOptional(),
  }),
  z.strictObject({ method: z.literal('doctor'), bundle: z.boolean().exactOptional() }),
  z
    .strictObject({
      method: z.literal('explain'),
      host: z.string().min(1).max(HOST_LIMIT),
      port: z.int().min(0).max(65535),
      transport: z.enum(['tcp', 'udp', 'icmp']).exactOptional(),
    })
    .refine(hasItsPort),
])

/** Decodes one line, UTF-8 JSON. Unknown methods and unknown keys are mistakes. Never throws. */
export function decodeControlRequest(
  line: Uint8Array,
): Result<ControlRequest, ControlRequestError> {
  const json = parseJson(line)
  if (!json.ok) return json
  const parsed = REQUEST.safeParse(json.value)
  if (parsed.success) return ok(parsed.data)
  const [issue] = parsed.error.issues
  const place = issue?.path.map(String).join('.') || 'request'
  return err({ reason: 'bad_request', detail: `${place}: ${issue?.code ?? 'invalid'}` })
}

/** Prints one line of an answer, with its line feed. */
export function encodeControlReply(reply: ControlReply): string {
  return `${JSON.stringify(reply)}\n`
}

function parseJson(line: Uint8Array): Result<unknown, ControlRequestError> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(line)
    return ok(JSON.parse(text) as unknown)
  } catch {
    return err({ reason: 'bad_json', detail: 'The line is not JSON in UTF-8.' })
  }
}
