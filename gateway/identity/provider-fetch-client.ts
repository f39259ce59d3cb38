/**
 * Requests to identity providers: with their own CA, answers bounded in size.
 */
import { Agent, fetch } from 'undici'

/** Most that is read of any answer of a provider, in bytes. */
const ANSWER_LIMIT_BYTES = 1024 * 1024
/** A provider that is slower than this is taken as unreachable, in seconds. */
export const ANSWER_TIMEOUT_SECONDS = 10

type Init = { readonly [Key in keyof RequestInit]: RequestInit[Key] | undefined }

export type ProviderFetch = (url: string, init: Init) => Promise<Response>

/** Fetches with undici's own client: Node's global fetch takes no dispatcher of another undici version. */
export function providerFetch(caPem: string | undefined): ProviderFetch {
  const dispatcher = new Agent({
    connect: caPem === undefined ? {} : { ca: caPem },
    maxResponseSize: ANSWER_LIMIT_BYTES,
    pipelining: 1,
    keepAliveTimeout: 1000,
  })
  return async (url, init) => {
    const answer = await fetch(url, { ...init, dispatcher } as Parameters<typeof fetch>[1])
    return answer as unknown as Response
  }
}
