/** Shapes of what a gateway tells of prompts; the types are in ./prompt-message.ts. */
import { z } from 'zod'

const promptId = z.string().regex(/^[A-Za-z0-9_-]{16,64}$/)
const URL_LIMIT = 2048
const NAME_LIMIT = 512

export const promptNotice = {
  promptId,
  application: z.string().min(1).max(NAME_LIMIT),
  host: z.string().min(1).max(255),
  port: z.int().min(1).max(65535),
  remedy: z.enum(['login', 'mfa', 'justify', 'approval']),
  url: z.string().min(1).max(URL_LIMIT),
  reason: z.string().min(1).max(128),
  expiresAtMs: z.int().min(0),
}

export const promptEnd = { promptId, outcome: z.enum(['satisfied', 'expired', 'refused']) }
