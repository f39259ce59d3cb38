/** Whom and what questions about access name, in bodies of the admin API. Pure. */
import { z } from 'zod'
import { parseAddress } from '#lib/net/address'
import { parseFlowEndpoint } from '#lib/net/flow-endpoint'
import type { AccessQuestion } from '../policy-test/last-seen.ts'

/** Keys of a question; `from` and `country` are where the tunnel would come from. */
export const questionFields = {
  user: z.string().min(1).max(320).exactOptional(),
  device: z.string().min(1).max(64).exactOptional(),
  to: z.string().min(1).max(300),
  from: z.string().min(1).max(64).exactOptional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .exactOptional(),
}

/** @returns undefined when `to` is no host and port, or `from` no address. */
export function readQuestion(written: {
  readonly to: string
  readonly from?: string
  readonly country?: string
}): AccessQuestion | undefined {
  const target = parseFlowEndpoint(written.to)
  if (!target.ok) return undefined
  const { from, country } = written
  if (from !== undefined && !parseAddress(from).ok) return undefined
  return {
    target: target.value,
    ...(from !== undefined && { sourceAddress: from }),
    ...(country !== undefined && { country }),
  }
}
