/** SSH authorities in the admin API: listed, made, rotated; certificates listed, signed for hosts, revoked. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import type { Result } from '#lib/result'
import { AuthorityUnavailable } from '#lib/ssh/certificate-mint'
import { certifyHost } from '../ssh-ca/host-certificate.ts'
import type { AdoptRefusal } from '../ssh-ca/ssh-authorities-store.ts'
import { SSH_AUTHORITY_NAMES, type SshAuthority } from '../ssh-ca/ssh-authority.ts'
import { indexRevocations } from '../ssh-ca/ssh-revocation.ts'
import { refuse } from '../web/refuse.ts'
import { noteAction } from './admin-action.ts'
import type { AdminDeps } from './admin-deps.ts'
import { parsePage } from './admin-query.ts'
import { badBody, badQuery, notFound } from './admin-reply.ts'
import { authorityJson, certificateJson, sshRevocationJson } from './ssh-ca-json.ts'

const DAY_SECONDS = 86_400
const OVERLAP_SECONDS = { usual: 7 * DAY_SECONDS, most: 90 * DAY_SECONDS }
const HOST_LIFETIME_SECONDS = { usual: 90 * DAY_SECONDS, most: 366 * DAY_SECONDS }
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/
const SERIAL = /^[1-9][0-9]{0,18}$/
/** A certificate names at most so many (PROTOCOL.certkeys). */
const NAMES_LIMIT = 256

const source = z.union([
  z.strictObject({ type: z.enum(['ed25519', 'ecdsa']) }),
  z.strictObject({ privateKey: z.string().min(1).max(32_768) }),
  z.strictObject({ agent: z.strictObject({ socket: z.string(), fingerprint: z.string() }) }),
])
const adoptBody = z.strictObject({
  source: source.default({ type: 'ed25519' }),
  overlapSeconds: z.int().min(0).max(OVERLAP_SECONDS.most).default(OVERLAP_SECONDS.usual),
})
const revokeBody = z.union([
  z.strictObject({ serial: z.string().regex(SERIAL) }),
  z.strictObject({ keyId: z.string().min(1).max(1024) }),
  z.strictObject({ authority: z.string().regex(FINGERPRINT) }),
])
const hostBody = z.strictObject({
  publicKey: z.string().max(16_384),
  names: z.array(z.string().max(253)).min(1).max(NAMES_LIMIT),
  lifetimeSeconds: z
    .int()
    .min(1)
    .max(HOST_LIFETIME_SECONDS.most)
    .default(HOST_LIFETIME_SECONDS.usual),
})

type ByName = { Params: { name: string } }

export function addSshCaRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const { sshAuthorities } = deps
  app.get('/api/v1/ssh-authorities', async () => ({
    sshAuthorities: sshAuthorities.list().map(authorityJson),
  }))
  for (const verb of ['create', 'rotate'] as const) {
    app.post<ByName>(`/api/v1/ssh-authorities/:name/${verb}`, async (request, reply) => {
      const name = SSH_AUTHORITY_NAMES.find((one) => one === request.params.name)
      if (name === undefined) return notFound(reply, 'ssh_authority')
      const body = adoptBody.safeParse(request.body ?? {})
      if (!body.success) return badBody(reply, 'Send JSON with "source" and "overlapSeconds".')
      const { overlapSeconds } = body.data
      noteAction(deps, request, `${verb}_ssh_authority`, { name, overlapSeconds })
      const from = sourceOf(body.data.source)
      const adopted =
        verb === 'create'
          ? await sshAuthorities.create(name, from)
          : await sshAuthorities.rotate(name, from, overlapSeconds * 1000)
      return adoptedJson(reply, adopted)
    })
  }
  addRevocations(app, deps)
  addCertificates(app, deps)
}

function addRevocations(app: FastifyInstance, deps: AdminDeps): void {
  const { sshAuthorities } = deps
  app.get('/api/v1/ssh-revocations', async () => ({
    sshRevocations: sshAuthorities.revocations().map(sshRevocationJson),
  }))
  app.get('/api/v1/ssh-revocations/krl', async (_request, reply) => {
    reply.type('application/octet-stream')
    return sshAuthorities.revocationFile()
  })
  app.post('/api/v1/ssh-revocations', async (request, reply) => {
    const body = revokeBody.safeParse(request.body)
    if (!body.success) {
      return badBody(reply, 'Send JSON with one of "serial", "keyId" and "authority".')
    }
    const revocation = revocationOf(body.data)
    const { kind, value } = revocation
    const isOurs = sshAuthorities.list().some(({ id }) => id === value)
    if (kind === 'authority' && !isOurs) return notFound(reply, 'ssh_authority')
    noteAction(deps, request, 'revoke_ssh', revocation)
    sshAuthorities.revoke(revocation)
    return { sshRevocation: revocation }
  })
}

function addCertificates(app: FastifyInstance, deps: AdminDeps): void {
  const { sshAuthorities, store, nowMs } = deps
  app.get<{ Querystring: Record<string, unknown> }>(
    '/api/v1/ssh-certificates',
    async (request, reply) => {
      const page = parsePage(request.query)
      if (!page.ok) return badQuery(reply, page.error.reason, page.error.key)
      const { serials, keyIds, authorities } = indexRevocations(sshAuthorities.revocations())
      return {
        sshCertificates: store.sshCa
          .certificates(page.value)
          .map((one) =>
            certificateJson(
              one,
              serials.has(one.id) || keyIds.has(one.keyId) || authorities.has(one.authority),
            ),
          ),
      }
    },
  )
  app.post('/api/v1/ssh-host-certificates', async (request, reply) => {
    const body = hostBody.safeParse(request.body)
    if (!body.success) {
      return badBody(reply, 'Send JSON with "publicKey", "names" and "lifetimeSeconds".')
    }
    const { publicKey, names, lifetimeSeconds } = body.data
    noteAction(deps, request, 'sign_ssh_host', { names, lifetimeSeconds })
    try {
      const authority = sshAuthorities.signer('host')
      const times = { lifetimeMs: lifetimeSeconds * 1000, nowMs: nowMs() }
      const signed = await certifyHost({ authority, publicKey, names, ...times })
      if (!signed.ok) return badBody(reply, HOST_REFUSALS[signed.error])
      store.sshCa.logCertificate(signed.value.row)
      return { certificate: signed.value.line }
    } catch (error) {
      if (!(error instanceof AuthorityUnavailable)) throw error
      const message = 'The SSH authority cannot sign now; see the log of the gateway.'
      return refuse(reply, { status: 503, code: 'authority_unavailable', message })
    }
  })
}

function sourceOf(written: z.infer<typeof source>) {
  if ('type' in written) return { kind: 'generate', type: written.type } as const
  if ('agent' in written) return { kind: 'agent', ...written.agent } as const
  return { kind: 'key', text: written.privateKey } as const
}

function revocationOf(written: z.infer<typeof revokeBody>) {
  if ('serial' in written) return { kind: 'serial', value: written.serial } as const
  if ('keyId' in written) return { kind: 'key_id', value: written.keyId } as const
  return { kind: 'authority', value: written.authority } as const
}

function adoptedJson(reply: FastifyReply, adopted: Result<SshAuthority, AdoptRefusal>) {
  if (adopted.ok) return { sshAuthority: authorityJson(adopted.value) }
  const { error: code } = adopted
  const isConflict = code === 'authority_exists' || code === 'key_in_use'
  const status = code === 'no_such_authority' ? 404 : isConflict ? 409 : 400
  return refuse(reply, { status, code, message: ADOPT_REFUSALS[code] })
}

const HOST_REFUSALS = {
  bad_public_key: '"publicKey" is the line of a public key that is strong enough, no certificate.',
  bad_host: 'Each of "names" is a host name or an address.',
} as const

const ADOPT_REFUSALS: Readonly<Record<AdoptRefusal, string>> = {
  authority_exists: 'This authority exists: rotate it.',
  no_such_authority: 'There is no such authority yet: create it.',
  key_in_use: 'This key is or was an authority already; each has keys of its own.',
  unsuitable_key: 'Keys of this kind cannot be used here; make an ECDSA key with P-256.',
  agent_unreachable: 'The gateway does not reach this agent, or it does not sign.',
  no_such_agent_key: 'The agent has no key with this fingerprint.',
  encrypted_private_key: 'The private key has a passphrase; give it to an agent instead.',
  bad_private_key: 'This is no private key that can be read.',
  unsupported_private_key: 'Private keys of this kind are not supported.',
}
