/** How the resolvers of private names do, in the admin API. */
import type { FastifyInstance } from 'fastify'
import type { ResolverHealth } from '../dns/resolver-health.ts'
import type { AdminDeps } from './admin-deps.ts'

export function addResolverRoutes(app: FastifyInstance, { resolvers }: AdminDeps): void {
  app.get('/api/v1/dns/resolvers', () => ({
    zones: resolvers().map(({ zone, resolvers: all }) => ({
      ...(zone !== undefined && { zone }),
      resolvers: all.map(({ resolver, health }) => ({ resolver, ...healthJson(health) })),
    })),
  }))
}

function healthJson({ lastAnswerAtMs, lastFailureAtMs, ...counts }: ResolverHealth) {
  return {
    state: stateOf(counts),
    ...counts,
    ...(lastAnswerAtMs !== undefined && { lastAnswerAt: new Date(lastAnswerAtMs).toISOString() }),
    ...(lastFailureAtMs !== undefined && {
      lastFailureAt: new Date(lastFailureAtMs).toISOString(),
    }),
  }
}

function stateOf({
  answers,
  failures,
  failuresInARow,
}: Pick<ResolverHealth, 'answers' | 'failures' | 'failuresInARow'>) {
  if (answers + failures === 0) return 'unasked'
  return failuresInARow > 0 ? 'failing' : 'answering'
}
