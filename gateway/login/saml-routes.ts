/**
 * What the administrator of a SAML provider reads to set us up there.
 */
import type { FastifyInstance } from 'fastify'
import { SAML_METADATA } from '../identity/saml/names.ts'
import { gated } from './gated.ts'
import type { LoginDeps } from './login-deps.ts'
import { queryOf } from './source.ts'

/** Adds the route: public, as metadata is. */
export function addSamlRoutes(app: FastifyInstance, deps: LoginDeps): void {
  app.get(SAML_METADATA, gated(deps, 'login'), async (request, reply) => {
    const name = queryOf(request).get('provider')
    const provider = deps.providers.find((one) => one.name === name)
    const metadata = provider?.kind === 'redirect' ? provider.metadata?.() : undefined
    if (metadata === undefined) return reply.callNotFound()
    return reply.type('application/samlmetadata+xml').send(metadata)
  })
}
