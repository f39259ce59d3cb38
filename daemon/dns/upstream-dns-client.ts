/** Asks the servers that the machine had before. */
import { readAnswer } from '#lib/dns/answer'
import { RCODE } from '#lib/dns/codes'
import { askInTurn } from '#lib/dns/exchange-client'
import type { DnsServer } from '#lib/dns/server'
import { err, ok } from '#lib/result'
import type { AskUpstream } from './resolver.ts'

/** Together under a stub resolver's 5 s. */
const ATTEMPTS = 3
const ATTEMPT_MS = 1_500

/**
 * @param servers those saved, now, without any of our own: see `withoutOwn`.
 * @param attemptMs time for one attempt.
 */
export function createAskUpstream(
  servers: () => readonly DnsServer[],
  attemptMs = ATTEMPT_MS,
): AskUpstream {
  /** The one that answered last is asked first. */
  let from = 0
  return async (query, via, onStray) => {
    const all = servers()
    if (all.length === 0) return err({ reason: 'no_upstream' })
    const patience = { attempts: ATTEMPTS, attemptMs, from, onStray }
    const answered = await askInTurn(all, query, via, patience)
    if (answered === undefined) return err({ reason: 'upstream_failed' })
    const { message, index } = answered
    if (readAnswer(message)?.rcode !== RCODE.SERVFAIL) from = index
    return ok(message)
  }
}

/** Leaves out servers that are this resolver itself: they would ask us what we ask them. */
export function withoutOwn(
  servers: readonly DnsServer[],
  own: readonly DnsServer[],
): readonly DnsServer[] {
  return servers.filter(
    (server) => !own.some(({ host, port }) => host === server.host && port === server.port),
  )
}
