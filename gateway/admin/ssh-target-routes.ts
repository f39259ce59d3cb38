/** SSH targets in the admin API: asked for their keys, registered with those that the administrator accepts, removed. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { parseHost } from '#lib/net/endpoint'
import type { Result } from '#lib/result'
import { sshTargetShape } from '../policy/ssh-target-shape.ts'
import type { RegisterError } from '../ssh/login/registered-targets-store.ts'
import type { StoredTarget } from '../store/store.ts'
import { refuse } from '../web/refuse.ts'
import { noteAction } from './admin-action.ts'
import type { AdminDeps } from './admin-deps.ts'
import { badBody, notFound } from './admin-reply.ts'
import { sshTargetsJson, targetJson } from './ssh-target-json.ts'

type ByLabel = { Params: { label: string } }

const KEYS_LIMIT = 8
const fingerprints = z.array(z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/)).max(KEYS_LIMIT)
const accepted = { acceptKeys: fingerprints, acceptAuthorities: fingerprints }
const scanBody = z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535) })
const rotateBody = z.strictObject(accepted).refine(acceptsSomething)
const registerBody = z
  .strictObject({
    ...accepted,
    label: z.string(),
    address: z.string(),
    ports: z.array(z.int()).exactOptional(),
    tags: z.record(z.string(), z.string()).exactOptional(),
    network: z.string().exactOptional(),
  })
  .refine(acceptsSomething)
const ACCEPT = '"acceptKeys" and "acceptAuthorities": fingerprints, at least one of them'

export function addSshTargetRoutes(app: FastifyInstance, deps: AdminDeps): void {
  const { sshTargets } = deps
  app.get('/api/v1/ssh-targets', async () => ({
    sshTargets: sshTargetsJson(deps.policy(), sshTargets.list()),
  }))
  app.post('/api/v1/ssh-targets/scan', async (request, reply) => {
    const body = scanBody.safeParse(request.body)
    const host = parseHost(body.data?.host ?? '')
    if (!body.success || !host.ok) return badBody(reply, 'Send JSON with "host" and "port".')
    noteAction(deps, request, 'scan_ssh_target', body.data)
    const scanned = await sshTargets.scan({ host: host.value, port: body.data.port })
    return scanned.ok ? scanned.value : refuseTarget(reply, scanned.error)
  })
  app.post('/api/v1/ssh-targets', async (request, reply) => {
    const body = registerBody.safeParse(request.body)
    if (!body.success) return badBody(reply, `Send JSON with a target and ${ACCEPT}.`)
    const { acceptKeys: keys, acceptAuthorities: authorities, ...written } = body.data
    const { value: target, mistakes } = sshTargetShape.decode(written, [])
    if (target === undefined || mistakes.length > 0) {
      return badBody(reply, mistakes.map(({ message }) => message).join('; '))
    }
    noteAction(deps, request, 'register_ssh_target', { label: target.label, keys, authorities })
    const { hostKeys: _keys, hostAuthorities: _authorities, ...registration } = target
    return answer(reply, await sshTargets.register(registration, { keys, authorities }))
  })
  app.post<ByLabel>('/api/v1/ssh-targets/:label/rotate-key', async (request, reply) => {
    const body = rotateBody.safeParse(request.body)
    if (!body.success) return badBody(reply, `Send JSON with ${ACCEPT}.`)
    const { label } = request.params
    const { acceptKeys: keys, acceptAuthorities: authorities } = body.data
    noteAction(deps, request, 'rotate_ssh_target_key', { label, keys, authorities })
    return answer(reply, await sshTargets.rotate(label, { keys, authorities }))
  })
  app.post<ByLabel>('/api/v1/ssh-targets/:label/remove', async (request, reply) => {
    const { label } = request.params
    noteAction(deps, request, 'remove_ssh_target', { label })
    return sshTargets.remove(label) ? { removed: label } : notFound(reply, 'ssh_target')
  })
}

type AcceptBody = { readonly acceptKeys: string[]; readonly acceptAuthorities: string[] }

/** A target without a key would be refused to everybody. */
function acceptsSomething({ acceptKeys, acceptAuthorities }: AcceptBody): boolean {
  return acceptKeys.length + acceptAuthorities.length > 0
}

function answer(reply: FastifyReply, done: Result<StoredTarget, RegisterError>) {
  return done.ok ? { sshTarget: targetJson(done.value) } : refuseTarget(reply, done.error)
}

type Refused = Exclude<RegisterError, { reason: 'no_such_target' }>

const SENTENCES: Readonly<Record<Refused['reason'], string>> = {
  name_not_found: 'The gateway cannot resolve this name.',
  too_many_lookups:
    'Too many names of this zone are being resolved already. Try again in a moment.',
  address_forbidden: 'This address is never dialled.',
  target_unreachable: 'The host refuses the connection, or is unreachable from the gateway.',
  target_timeout: 'The host did not answer in time.',
  no_host_key: 'What answers there proves no SSH host key that the gateway knows.',
  label_taken: 'There is a registered target of this label: rotate its key, or remove it first.',
  key_not_shown: 'The host does not show every key that you accept. It shows',
  target_unfit: 'The target does not fit the policy in force',
}

/** The administrator can resolve these here; the others are about the host. */
const CONFLICTS: ReadonlySet<string> = new Set(['label_taken', 'key_not_shown', 'target_unfit'])

function refuseTarget(reply: FastifyReply, error: RegisterError): Promise<void> {
  if (error.reason === 'no_such_target') return notFound(reply, 'ssh_target')
  const status = CONFLICTS.has(error.reason) ? 409 : 502
  return refuse(reply, { status, code: error.reason, message: messageOf(error) })
}

function messageOf(error: Refused): string {
  const sentence = SENTENCES[error.reason]
  if (error.reason === 'target_unfit') return `${sentence}: ${error.why}.`
  if (error.reason !== 'key_not_shown') return sentence
  const { keys, authorities } = error.shown
  return `${sentence}: ${[...keys, ...authorities].map((key) => key.fingerprint).join(', ')}.`
}
