/** What hosts and clients fetch to trust our SSH authorities: public keys, and the key revocation list. For everybody. */
import type { FastifyInstance } from 'fastify'
import { SSH_AUTHORITY_NAMES } from '../ssh-ca/ssh-authority.ts'
import { limited } from './enrol-routes.ts'
import type { LoginDeps } from './login-deps.ts'

const FOLDER = '/.well-known/zt/ssh'
/** Hosts look now and then; what was revoked must not wait in a cache. */
const CACHE_CONTROL = 'no-cache'

/** Adds the routes. Each file of keys has one line for each key that counts, the one that signs first. */
export function addSshCaRoutes(app: FastifyInstance, { sshAuthorities, gates }: LoginDeps): void {
  const onRequest = limited(gates.page)
  for (const name of SSH_AUTHORITY_NAMES) {
    app.get(`${FOLDER}/${name}-ca.pub`, { onRequest }, async (_request, reply) => {
      reply.type('text/plain; charset=utf-8').header('cache-control', CACHE_CONTROL)
      return sshAuthorities
        .trusted(name)
        .map(({ publicKey }) => `${publicKey}\n`)
        .join('')
    })
  }
  app.get(`${FOLDER}/krl`, { onRequest }, async (_request, reply) => {
    reply.type('application/octet-stream').header('cache-control', CACHE_CONTROL)
    return sshAuthorities.revocationFile()
  })
}
