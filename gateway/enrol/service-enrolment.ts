/**
 * Enrolment without a person: a device shows the credentials of a service token, and gets its certificate at once.
 */
import type { DeviceAuthorizationRequest, Enrolled } from '#lib/api/enrol-api'
import type { ServiceCredentials } from '#lib/enrol/service-credentials'
import { err } from '#lib/result'
import { enlist } from './enlist.ts'
import type { EnrolDeps, Outcome } from './enrol-deps.ts'
import { isDisplayName } from './enrolment.ts'

/** See `Enrolments.service`. The token comes first, so that a stranger learns nothing about keys. */
export async function enrolService(
  deps: EnrolDeps,
  request: DeviceAuthorizationRequest,
  credentials: ServiceCredentials,
  sourceAddress: string,
): Outcome<Enrolled> {
  const enrolled = await checked(deps, request, credentials)
  const about = { tokenId: credentials.id, sourceAddress }
  if (enrolled.ok) {
    const { device_id: deviceId } = enrolled.value
    deps.log.info({ ...about, deviceId, deviceName: request.device_name }, 'service enrolled')
  } else deps.log.warn({ ...about, reason: enrolled.error }, 'enrolment of a service refused')
  return enrolled
}

async function checked(
  deps: EnrolDeps,
  request: DeviceAuthorizationRequest,
  credentials: ServiceCredentials,
): Outcome<Enrolled> {
  const token = deps.serviceTokens.check(credentials)
  if (!token.ok) return token
  if (!isDisplayName(request.device_name)) return err('bad_device_name')
  return enlist(deps, {
    csrPem: request.csr,
    deviceName: request.device_name,
    user: deps.serviceTokens.userOf(token.value),
    login: { atMs: deps.now() },
  })
}
