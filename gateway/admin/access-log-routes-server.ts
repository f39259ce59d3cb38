/** The access log in the admin API: looked back on, and followed. */
import type { FastifyInstance } from 'fastify'
import { type AccessLine, accessLine } from '../access-log/access-line.ts'
import {
  type AccessQuery,
  cursorOf,
  matches,
  parseAccessQuery,
} from '../access-log/access-query.ts'
import { followAccess } from '../access-log/follow-job.ts'
import { flowPages } from '../policy-test/flow-pages-job.ts'
import { refuse } from '../web/refuse.ts'
import type { AdminDeps } from './admin-deps.ts'
import { badQuery } from './admin-reply.ts'
import { jsonLines } from './json-lines-server.ts'

/** Records that one call looks at: a filter that nothing matches must not read the whole store. */
const SCAN_LIMIT = 10_000
const FOLLOWER_LIMIT = 16

export function addAccessLogRoutes(app: FastifyInstance, deps: AdminDeps): void {
  let followers = 0
  app.get('/api/v1/logs/access', async (request, reply) => {
    const query = parseAccessQuery(request.query)
    if (!query.ok) return badQuery(reply, 'bad_query', query.error.key)
    if (!query.value.follow) return lookBack(query.value, deps)
    if (followers >= FOLLOWER_LIMIT) {
      const message = `${FOLLOWER_LIMIT} readers follow the log already.`
      return refuse(reply, { status: 503, code: 'too_many_followers', message })
    }
    followers += 1
    reply.raw.once('close', () => {
      followers -= 1
    })
    await jsonLines(reply, followAccess(deps.flowTap, query.value.filter))
  })
}

/** Newest first; `next` is where to go on, also where nothing matched so far. */
async function lookBack({ filter, sinceMs, limit, from }: AccessQuery, { store }: AdminDeps) {
  const lines: AccessLine[] = []
  let scanned = 0
  for await (const page of flowPages(store.flows, sinceMs, from)) {
    for (const record of page) {
      scanned += 1
      if (matches(record, filter)) lines.push(accessLine(record))
      if (lines.length >= limit || scanned >= SCAN_LIMIT) return { lines, next: cursorOf(record) }
    }
  }
  return { lines }
}
