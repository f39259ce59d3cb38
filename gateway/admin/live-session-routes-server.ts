/** SSH sessions that go on, in the admin API: listed, watched, ended. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { SealClass } from '#lib/seal/container-format'
import { parseRecipient, type Recipient } from '#lib/seal/recipient-key'
import type { LiveSession } from '../live/live-session.ts'
import { classesFor, openViewer } from '../live/viewer-job.ts'
import { type HttpRefusal, refuse } from '../web/refuse.ts'
import { noteAction } from './admin-action.ts'
import type { AdminDeps } from './admin-deps.ts'
import { type ById, badQuery, notFound } from './admin-reply.ts'

/** The query of a watch: the public line of the viewer's key. */
type Watch = ById & { Querystring: { recipient?: string } }

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
  noted(deps, request, 'watch_ssh_session', session, recipient.value)
  return reply.type('application/octet-stream').send(await begin(session, recipient.value, sees))
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

function liveSessionJson({ about, recorded, watch: watching, passedOctets }: LiveSession) {
  const { startedAtMs, ...rest } = about
  const startedAt = new Date(startedAtMs).toISOString()
  return { ...rest, startedAt, recorded, watch: watching, passedOctets }
}
