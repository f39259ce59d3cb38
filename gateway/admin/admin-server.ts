/**
 * The admin API: JSON over HTTPS on its own origin, one bearer secret. Every action is logged before it takes effect.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { sourceKey } from '#lib/net/source-key'
import { createHttpsServer, type HttpsOptions, listenOn } from '../web/https-server.ts'
import { refuse } from '../web/refuse.ts'
import { addAccessLogRoutes } from './access-log-routes-server.ts'
import { addAccessRequestRoutes } from './access-request-routes.ts'
import type { AdminDeps } from './admin-deps.ts'
import { addAuditRoutes } from './audit-routes-server.ts'
import { addDeviceRoutes } from './device-routes.ts'
import { addDnsLogRoutes } from './dns-log-routes-server.ts'
import { addEvidenceRoutes } from './evidence-routes-server.ts'
import { addExplainNameRoutes } from './explain-name-routes.ts'
import { addExplainRoutes } from './explain-routes.ts'
import { addFlowRoutes } from './flow-routes.ts'
import { addKeepingRoutes } from './keeping-routes.ts'
import { addLiveSessionRoutes } from './live-session-routes-server.ts'
import { addPolicyRoutes } from './policy-routes-server.ts'
import { addRecordingRoutes } from './recording-routes-server.ts'
import { addResolverRoutes } from './resolver-routes.ts'
import { addServiceTokenRoutes } from './service-token-routes.ts'
import { addSessionRoutes } from './session-routes.ts'
import { addSshCaRoutes } from './ssh-ca-routes.ts'
import { addSshTargetRoutes } from './ssh-target-routes.ts'

export type AdminOptions = HttpsOptions &
  AdminDeps & {
    readonly listen: { readonly host: string; readonly port: number }
    /** Checks the bearer secret against its hash, in constant time. */
    readonly checkSecret: (secret: string) => Promise<boolean>
  }

export type AdminServer = {
  readonly address: { readonly host: string; readonly port: number }
  close(): Promise<void>
}

/** Wrong secrets per IPv4 address or IPv6 /64: then 429 until the window has passed. */
const FAILURES = { points: 10, duration: 60 }
const UNAUTHORIZED = 401
const TOO_MANY = 429

/** Method, path and meaning of every route; `docs/reference/admin-api.md` is held against it. */
export const ADMIN_ROUTES = [
  ['GET', '/api/v1/devices', 'devices, with user and state'],
  ['GET', '/api/v1/devices/:id', 'one device, with its posture'],
  ['POST', '/api/v1/devices/:id/revoke', 'revoke a device: its connections end now'],
  ['POST', '/api/v1/devices/:id/override', 'make a code that lifts the lock of a device'],
  [
    'POST',
    '/api/v1/explain',
    'every step from a name to reachability for one user, with trace and facts',
  ],
  ['GET', '/api/v1/flows', 'flow records, newest first'],
  ['GET', '/api/v1/flows/:id', 'one flow record, with facts and trace'],
  ['GET', '/api/v1/sessions', 'sessions of browsers, devices and applications'],
  ['GET', '/api/v1/ssh-sessions', 'SSH sessions that are going on'],
  ['POST', '/api/v1/ssh-sessions/:id/end', 'end one of them before its next byte'],
  [
    'GET',
    '/api/v1/ssh-sessions/:id/watch',
    "one of them from now on, sealed to the viewer's key, in the format of a recording; with `moderator=EMAIL` that person moderates it as long as the answer lasts",
  ],
  ['GET', '/api/v1/logs/access', 'the access log, looked back on or followed'],
  ['GET', '/api/v1/logs/dns', 'questions about private names, and what was answered'],
  ['POST', '/api/v1/policy/test', 'what a policy decides about one user, or about everybody'],
  ['POST', '/api/v1/policy/replay', 'what a proposed policy would have decided otherwise'],
  ['GET', '/api/v1/sessions/:id', 'one session, with identity, device and next login'],
  ['POST', '/api/v1/sessions/:id/revoke', 'end one session: its flows end now'],
  ['POST', '/api/v1/sessions/revoke', 'end all sessions of a user, a device or an application'],
  ['GET', '/api/v1/service-tokens', 'service tokens, without their secrets'],
  ['POST', '/api/v1/service-tokens', 'make a service token: the secret is in this answer only'],
  ['POST', '/api/v1/service-tokens/:id/rotate', 'give it another secret and a new life'],
  ['POST', '/api/v1/service-tokens/:id/disable', 'disable it: flows of its devices end now'],
  ['POST', '/api/v1/service-tokens/:id/enable', 'enable it again'],
  ['GET', '/api/v1/ssh-targets', 'SSH targets of the policy and registered ones'],
  ['POST', '/api/v1/ssh-targets/scan', 'ask a host for its keys; nothing is learnt'],
  ['POST', '/api/v1/ssh-targets', 'register a target with the keys that you accept'],
  ['POST', '/api/v1/ssh-targets/:label/rotate-key', 'accept other keys in place of all it had'],
  ['POST', '/api/v1/ssh-targets/:label/remove', 'forget a registered target and its keys'],
  ['GET', '/api/v1/access-requests', 'requests for temporary access, newest first'],
  ['GET', '/api/v1/access-requests/:id', 'one request'],
  ['POST', '/api/v1/access-requests/:id/approve', 'approve it, in the name of an approver'],
  ['POST', '/api/v1/access-requests/:id/deny', 'deny it, in the name of an approver'],
  ['GET', '/api/v1/audit', 'the audit log, with a checkpoint at its end, as JSON lines'],
  ['GET', '/api/v1/audit/checkpoint', 'a checkpoint of the audit log'],
  ['GET', '/api/v1/ssh-authorities', 'keys of the SSH authorities, with state'],
  ['POST', '/api/v1/ssh-authorities/:name/create', 'make the SSH authority `client`'],
  ['POST', '/api/v1/ssh-authorities/:name/rotate', 'have another key sign for it'],
  ['GET', '/api/v1/ssh-revocations', 'what was revoked of SSH certificates'],
  [
    'POST',
    '/api/v1/ssh-revocations',
    'revoke a serial, a key id or an authority: sessions end now',
  ],
  ['GET', '/api/v1/ssh-revocations/krl', "the same as OpenSSH's key revocation list"],
  ['GET', '/api/v1/ssh-certificates', 'SSH certificates of users and hosts, newest first'],
  ['POST', '/api/v1/ssh-host-certificates', "certify a host's key"],
  ['GET', '/api/v1/recordings', 'recordings, newest first'],
  ['GET', '/api/v1/recordings/:id', 'one recording'],
  ['GET', '/api/v1/recordings/:id/content', 'its sealed bytes'],
  ['GET', '/api/v1/recordings/:id/manifest', 'its signed manifest'],
  ['GET', '/api/v1/recordings/:id/evidence', 'all that vouches for it, signed'],
  ['POST', '/api/v1/recordings/:id/hold', 'put it under legal hold'],
  ['POST', '/api/v1/recordings/:id/release', 'end its legal hold'],
  ['POST', '/api/v1/recordings/:id/shred', 'destroy its keys and its content'],
] as const

const ROUTES = [
  addAccessLogRoutes,
  addAuditRoutes,
  addDeviceRoutes,
  addDnsLogRoutes,
  addEvidenceRoutes,
  addExplainRoutes,
  addExplainNameRoutes,
  addFlowRoutes,
  addKeepingRoutes,
  addPolicyRoutes,
  addRecordingRoutes,
  addResolverRoutes,
  addServiceTokenRoutes,
  addSessionRoutes,
  addSshTargetRoutes,
  addSshCaRoutes,
  addLiveSessionRoutes,
  addAccessRequestRoutes,
]

/** Starts the API. @throws {Error} when the address cannot be listened on. */
export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const app = createHttpsServer(options)
  app.addHook('onRequest', authenticate(options))
  app.addHook('onSend', auditRefusals(options))
  for (const addRoutes of ROUTES) addRoutes(app, options)
  const address = await listenOn(app, options.listen)
  return { address, close: () => app.close() }
}

/**
 * What was tried and refused, whether its body could be read or not (T68). Reading what is not there is no attempt at
 * anything; a source that is over its limit is not written down again.
 */
function auditRefusals({ audit }: AdminOptions) {
  return async (request: FastifyRequest, { statusCode }: FastifyReply): Promise<void> => {
    const isAttempt = request.method !== 'GET' || statusCode === UNAUTHORIZED
    if (!isAttempt || statusCode < 400 || statusCode === TOO_MANY) return
    const { method, ip } = request
    const path = request.url.split('?')[0] ?? ''
    audit.note('admin_refused', { method, path, status: statusCode, source: ip })
  }
}

/**
 * The hook that lets the administrator in. scrypt takes tens of milliseconds by design; the digest of a secret that passed is
 * remembered instead.
 */
export function authenticate({ checkSecret, log }: Pick<AdminOptions, 'checkSecret' | 'log'>) {
  const failures = new RateLimiterMemory(FAILURES)
  let passed: Buffer | undefined
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (reply.sent) return undefined
    const [, secret] =
      /^Bearer ([\x21-\x7e]{1,256})$/.exec(request.headers.authorization ?? '') ?? []
    const digest = createHash('sha256')
      .update(secret ?? '')
      .digest()
    if (secret !== undefined && passed !== undefined && timingSafeEqual(digest, passed)) return
    const source = sourceKey(request.ip)
    // Counted before it is checked: many at once must not all get past the limit to the costly hash.
    const isWithinLimit = await failures.consume(source).then(
      () => true,
      () => false,
    )
    if (!isWithinLimit) {
      return refuse(reply, {
        status: 429,
        code: 'too_many_failures',
        message: 'Too many wrong secrets. Wait a minute.',
      })
    }
    if (secret !== undefined && (await checkSecret(secret))) {
      passed = digest
      await failures.delete(source)
      return
    }
    log.warn({ source: request.ip }, 'admin secret refused')
    reply.header('www-authenticate', 'Bearer')
    return refuse(reply, {
      status: 401,
      code: 'bad_secret',
      message: 'Send the admin secret as a bearer token.',
    })
  }
}
