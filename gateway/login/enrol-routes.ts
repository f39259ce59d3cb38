/**
 * What devices ask of the login origin, as JSON: codes, certificate, renewal, the gateway's CA. Refusals as in RFC 8628.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  decodeDeviceAuthorizationRequest,
  decodeRenewRequest,
  decodeTokenRequest,
  ENROL_BODY_LIMIT_BYTES,
  ENROL_PATHS,
  type Enrolled,
  type EnrolReason,
} from '#lib/api/enrol-api'
import { err, type Result } from '#lib/result'
import { enrolSentence } from '../enrol/reasons.ts'
import { credentialsIn } from '../service-token/check-credentials.ts'
import type { LoginDeps } from './login-deps.ts'
import type { RateGate } from './rate-limit.ts'
import { sourceOf } from './source.ts'

/** Adds the routes. */
export function addEnrolRoutes(app: FastifyInstance, deps: LoginDeps): void {
  const { enrolments, gates, renew } = deps
  app.get(ENROL_PATHS.gatewayCa, async (_request, reply) => {
    reply.type('application/x-pem-file')
    return deps.gatewayCaPem
  })
  const post = <T>(path: string, gate: RateGate, answer: Answer<T>) => {
    const options = {
      bodyLimit: ENROL_BODY_LIMIT_BYTES,
      onRequest: limited(gate),
      errorHandler: refuseMalformed,
    }
    app.post(path, options, async (request, reply) => send(reply, await answer(request)))
  }
  post(ENROL_PATHS.deviceAuthorization, gates.begin, async (request) => {
    const body = decodeDeviceAuthorizationRequest(request.body)
    return body.ok ? enrolments.begin(body.value, sourceOf(request)) : err('invalid_request')
  })
  post(ENROL_PATHS.token, gates.poll, async (request) => {
    const body = decodeTokenRequest(request.body)
    return body.ok ? enrolments.poll(body.value.device_code) : err('invalid_request')
  })
  post(ENROL_PATHS.service, gates.service, (request) => enrolService(request, deps))
  post(ENROL_PATHS.renew, gates.renew, async (request) => {
    const body = decodeRenewRequest(request.body)
    return body.ok ? renew(body.value) : err('invalid_request')
  })
}

async function enrolService(
  request: FastifyRequest,
  { enrolments, gates, log }: LoginDeps,
): Promise<Result<Enrolled, EnrolReason>> {
  const sourceAddress = sourceOf(request)
  const credentials = credentialsIn(request.raw.headersDistinct)
  if (!credentials.ok) {
    log.warn({ sourceAddress, reason: credentials.error }, 'enrolment of a service refused')
    return credentials
  }
  if (!(await gates.serviceToken(credentials.value.id))) return err('too_many_requests')
  const body = decodeDeviceAuthorizationRequest(request.body)
  if (!body.ok) return err('invalid_request')
  return enrolments.service(body.value, credentials.value, sourceAddress)
}

type Answer<T> = (request: FastifyRequest) => Promise<Result<T, EnrolReason>>

/** Before the body is read. */
export function limited(gate: RateGate) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (!(await gate(sourceOf(request)))) await refuseDevice(reply, 'too_many_requests')
  }
}

async function send<T>(reply: FastifyReply, answer: Result<T, EnrolReason>): Promise<void> {
  if (answer.ok) await reply.send(answer.value)
  else await refuseDevice(reply, answer.error)
}

async function refuseDevice(
  reply: FastifyReply,
  reason: EnrolReason,
  status = reason === 'too_many_requests' ? 429 : 400,
): Promise<void> {
  await reply.code(status).send({ error: reason, error_description: enrolSentence(reason) })
}

/** A body that fastify could not read: too large, no JSON. Other failures go to the listener's own handler. */
function refuseMalformed(
  error: { readonly statusCode?: number },
  _request: FastifyRequest,
  reply: FastifyReply,
): unknown {
  const { statusCode = 500 } = error
  if (statusCode >= 500) throw error
  return refuseDevice(reply, 'invalid_request', statusCode)
}
