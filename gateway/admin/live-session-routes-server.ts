/** SSH sessions that go on, in the admin API: listed, watched, ended. */
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { SealClass } from '#lib/seal/container-format'
import { parseRecipient, type Recipient } from '#lib/seal/recipient-key'
import type { LiveSession } from '../live/live-session.ts'
import type { ModeratedSession } from '../live/moderation.ts'
import { classesFor, openViewer } from '../live/viewer-job.ts'
import { type HttpRefusal, refuse } from '../web/refuse.ts'
import { noteAction } from './admin-action.ts'
import type { AdminDeps } from './admin-deps.ts'
import { type ById, badQuery, notFound } from './admin-reply.ts'
import { findModerated } from './moderator.ts'

/** The query of a watch: the public line of the viewer's key; the address of who moderates. */
type Watch = ById & { Querystring: { recipient?: string; moderator?: string } }

const NEVER_WATCHED: HttpRefusal = {
  status: 403,
  code: 'watching_not_allowed',
  message: 'The policy of this application lets nobody watch its sessions.',
}
const NOT_ENTITLED: HttpRefusal = {
  status: 403,
  code: 'not_a_recipient',
  message:
    'This key is not among the recipients of recordings, so it opens no session either. ' +
    'Have it added to the signed list of recipients.',
}

export function addLiveSessionRoutes(app: FastifyInstance, deps: AdminDeps): void {
  app.get('/api/v1/ssh-sessions', async () => ({
    sessions: deps.live.list().map((session) => liveSessionJson(session)),
  }))
  app.post<ById>('/api/v1/ssh-sessions/:id/end', async (request, reply) => {
    const session = deps.live.get(request.params.id)
    if (session === undefined) return notFound(reply, 'ssh_session')
    noted(deps, request, 'end_ssh_session', session)
    session.end('ended_by_administrator')
    return { session: liveSessionJson(session) }
  })
  app.get<Watch>('/api/v1/ssh-sessions/:id/watch', (request, reply) => watch(deps, request, reply))
}

async function watch(deps: AdminDeps, request: FastifyRequest<Watch>, reply: FastifyReply) {
  const session = deps.live.get(request.params.id)
  if (session === undefined) return notFound(reply, 'ssh_session')
  const recipient = await parseRecipient(request.query.recipient ?? '')
  if (!recipient.ok) return badQuery(reply, recipient.error.reason, 'recipient')
  if (session.watch === 'never') return refuse(reply, NEVER_WATCHED)
  const sees = classesFor(recipient.value, deps.recipients())
  if (!sees.includes('output')) return refuse(reply, NOT_ENTITLED)
  const { moderator } = request.query
  const moderated = moderator === undefined ? undefined : findModerated(session, moderator, deps)
  if (moderated?.ok === false) return refuse(reply, moderated.error)
  noted(deps, request, 'watch_ssh_session', session, recipient.value)
  const view = await begin(session, recipient.value, sees)
  if (moderated !== undefined)
    moderate(deps, session, moderated.value, { view, moderator, request })
  return reply.type('application/octet-stream').send(view)
}

type Moderator = {
  readonly view: Readable
  readonly moderator: string | undefined
  readonly request: FastifyRequest
}

/** As long as the view lasts. @throws {Error} when it cannot be audited; nobody moderates then. */
function moderate(
  { audit, log }: AdminDeps,
  { about }: LiveSession,
  moderated: ModeratedSession,
  { view, moderator = '', request: { ip: source } }: Moderator,
): void {
  const facts = { recording: about.id, user: about.user, moderator, source }
  try {
    audit.note('moderator_joined', facts)
  } catch (error) {
    view.destroy()
    throw error
  }
  if (view.destroyed) return
  const leave = moderated.join()
  view.once('close', () => {
    leave()
    try {
      audit.note('moderator_left', facts)
    } catch (error) {
      log.error({ ...facts, error: String(error) }, 'not audited: a moderator left')
    }
  })
}

async function begin(session: LiveSession, viewer: Recipient, sees: readonly SealClass[]) {
  const stream = await openViewer(session, viewer, sees)
  if (session.watch === 'told') {
    const { host, application } = session.about
    const sentence = `An administrator watches your SSH session at ${host} (${application}) now.`
    session.tellUser('session_watched', sentence)
  }
  return stream
}

function noted(
  deps: AdminDeps,
  request: FastifyRequest,
  action: string,
  { about }: LiveSession,
  viewer?: Recipient,
): void {
  const by = viewer === undefined ? {} : { viewer: viewer.fingerprint }
  noteAction(deps, request, action, { recording: about.id, user: about.user, ...by })
}

function liveSessionJson(session: LiveSession) {
  const { about, recorded, watch: watching, passedOctets, moderation } = session
  const { startedAtMs, ...rest } = about
  const startedAt = new Date(startedAtMs).toISOString()
  const moderator = moderation && { moderator: moderation.isAttended ? 'there' : 'awaited' }
  return { ...rest, startedAt, recorded, watch: watching, passedOctets, ...moderator }
}
