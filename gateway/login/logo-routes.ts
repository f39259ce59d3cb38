/**
 * Serves the logo. As a picture in a page an SVG cannot run anything; opened on its own it cannot either.
 */
import type { FastifyInstance } from 'fastify'
import type { LoginDeps } from './login-deps.ts'
import { LOGO_PATH } from './look.ts'

/** Adds the route, if there is a logo. */
export function addLogoRoutes(app: FastifyInstance, { branding: { logo } }: LoginDeps): void {
  if (logo === undefined) return
  app.get(LOGO_PATH, async (_request, reply) => {
    await reply
      .headers({
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'private, max-age=3600',
      })
      .type(logo.type)
      .send(logo.content)
  })
}
