/**
 * Enrolments under way: a device asks, a person decides, the device collects its certificate once.
 * The rules are in ./enrolment.ts; this keeps the store in step with them and logs what happened.
 */
import type {
  DeviceAuthorization,
  DeviceAuthorizationRequest,
  Enrolled,
  EnrolReason,
} from '#lib/api/enrol-api'
import { keyWords } from '#lib/enrol/key-words'
import type { ServiceCredentials } from '#lib/enrol/service-credentials'
import { err, ok, type Result } from '#lib/result'
import type { LoginContext } from '../identity/identity.ts'
import { readDeviceRequest } from '../keys/device-request.ts'
import type { Enrolment, User } from '../store/store.ts'
import { begin } from './begin.ts'
import { poll } from './collect.ts'
import { about, codeDigest, type EnrolDeps, type Memories, type Outcome } from './enrol-deps.ts'
import { isOpen, ownerVerdict } from './enrolment.ts'
import { enrolService } from './service-enrolment.ts'
import { parseUserCode } from './user-code.ts'

export interface Enrolments {
  /** A device asks for codes. @param source address it came from, for the page to show. */
  begin(request: DeviceAuthorizationRequest, source: string): Outcome<DeviceAuthorization>
  /** A device asks what became of it. The certificate is handed out once. */
  poll(deviceCode: string): Outcome<Enrolled>
  /** A device enrols by a service token: a registration for the service, and a certificate, at once. */
  service(
    request: DeviceAuthorizationRequest,
    credentials: ServiceCredentials,
    source: string,
  ): Outcome<Enrolled>
  /** The open enrolment of a code that a person typed. */
  findByUserCode(typed: string): Enrolment | undefined
  /** The open enrolment that a page is about. */
  findOpen(deviceCodeSha256: string): Enrolment | undefined
  /** Words for the key of an enrolment, as the terminal shows them. */
  wordsOf(enrolment: Enrolment): Promise<string>
  /** Whether this user may confirm it; a refusal ends it. */
  admit(enrolment: Enrolment, user: User): Result<void, EnrolReason>
  /** @param login how this person logged in, just now. */
  approve(enrolment: Enrolment, user: User, login: LoginContext): Result<void, EnrolReason>
  deny(enrolment: Enrolment): void
}

/** Keeps enrolments in the store; what a restart may lose (time of the last poll, why it was denied) in memory. */
export function openEnrolments(deps: EnrolDeps): Enrolments {
  const memory: Memories = new Map()
  const end = (enrolment: Enrolment, reason: EnrolReason) => {
    const { deviceCodeSha256, expiresAtMs } = enrolment
    deps.store.enrolments.move(deviceCodeSha256, 'pending', 'denied')
    memory.set(deviceCodeSha256, { ...memory.get(deviceCodeSha256), expiresAtMs, reason })
    deps.log.warn(about(enrolment, { reason }), 'enrolment refused')
  }
  const admit = (enrolment: Enrolment, user: User): Result<void, EnrolReason> => {
    const registered = deps.store.devices.byKey(enrolment.keySha256)
    const verdict = ownerVerdict(enrolment, registered, user.id)
    if (!verdict.ok) end(enrolment, verdict.error)
    return verdict
  }
  return {
    begin: (request, source) => begin(deps, memory, request, source),
    poll: (deviceCode) => poll(deps, memory, deviceCode),
    service: (request, credentials, source) => enrolService(deps, request, credentials, source),
    findByUserCode: (typed) => findByUserCode(deps, typed),
    findOpen: (deviceCodeSha256) => {
      const enrolment = deps.store.enrolments.byDeviceCode(deviceCodeSha256)
      return isOpen(enrolment, deps.now()) ? enrolment : undefined
    },
    wordsOf,
    admit,
    approve: (enrolment, user, login) => {
      const verdict = admit(enrolment, user)
      return verdict.ok ? approve(deps, enrolment, { userId: user.id, login }) : verdict
    },
    deny: (enrolment) => end(enrolment, 'access_denied'),
  }
}

function findByUserCode({ store, now }: EnrolDeps, typed: string): Enrolment | undefined {
  const code = parseUserCode(typed)
  const enrolment = code === undefined ? undefined : store.enrolments.byUserCode(codeDigest(code))
  return isOpen(enrolment, now()) ? enrolment : undefined
}

async function wordsOf({ csrPem }: Enrolment): Promise<string> {
  const key = await readDeviceRequest(csrPem)
  if (!key.ok) throw new Error('a stored request cannot be read')
  return keyWords(key.value.publicKey.export({ type: 'spki', format: 'der' }))
}

function approve(
  deps: EnrolDeps,
  enrolment: Enrolment,
  approval: Required<Pick<Enrolment, 'userId' | 'login'>>,
): Result<void, EnrolReason> {
  deps.log.info(about(enrolment, { userId: approval.userId }), 'enrolment confirmed')
  const moved = deps.store.enrolments.move(
    enrolment.deviceCodeSha256,
    'pending',
    'approved',
    approval,
  )
  return moved ? ok(undefined) : err('invalid_grant')
}
