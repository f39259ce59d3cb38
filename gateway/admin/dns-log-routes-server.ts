/** The DNS log in the admin API. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { dnsLineJson } from '../dns/dns-log-line.ts'
import { type DnsLogQuery, isWanted, parseDnsLogQuery } from '../dns/dns-log-query.ts'
import type { Store } from '../store/store.ts'
import type { AdminDeps } from './admin-deps.ts'
import { badQuery } from './admin-reply.ts'

/** Lines that one call looks at: a filter that nothing matches must not read the whole log. */
const SCAN_LIMIT = 10_000
const PAGE_SIZE = 500

export function addDnsLogRoutes(app: FastifyInstance, { store }: AdminDeps): void {
  app.get('/api/v1/logs/dns', async (request, reply) => {
    const query = parseDnsLogQuery(request.query)
    if (!query.ok) return badQuery(reply, 'bad_query', query.error.key)
    return lookBack(store, query.value)
  })
}

/** Newest first; `next` is where to go on, also where nothing matched so far. */
async function lookBack({ dnsLog }: Store, { filter, sinceMs, limit, before }: DnsLogQuery) {
  const lines: ReturnType<typeof dnsLineJson>[] = []
  let place = before
  for (let scanned = 0; scanned < SCAN_LIMIT; scanned += PAGE_SIZE) {
    const page = dnsLog.list({ limit: PAGE_SIZE, ...(place !== undefined && { before: place }) })
    for (const line of page) {
      if (line.atMs < sinceMs) return { lines }
      if (isWanted(line, filter)) lines.push(dnsLineJson(line))
      place = line.sequence
      if (lines.length >= limit) return { lines, next: String(place) }
    }
    if (page.length < PAGE_SIZE) return { lines }
    await nextTurn()
  }
  return { lines, next: String(place) }
}
