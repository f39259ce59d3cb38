/**
 * Renewal over the tunnel: the same request as on the login origin, for the device of this very connection only.
 */
import { decodeRenewRequest, type EnrolReason } from '#lib/api/enrol-api'
import type { PostHandler } from '../tunnel/incoming.ts'
import { enrolSentence } from './reasons.ts'
import { type RenewDeps, renewDevice } from './renewal.ts'

/**
 * Makes the answer to `POST /renew`.
 * @param audience origin of the tunnel listener, `https://host:port`.
 */
export function renewalPost(deps: RenewDeps, audience: string): PostHandler {
  return async (peer, body) => {
    const request = decodeRenewRequest(parseJson(body))
    if (!request.ok) return refusal('invalid_request')
    const { deviceId } = peer.leaf
    const renewed = await renewDevice(deps, request.value, { audience, deviceId })
    return renewed.ok
      ? { status: 200, body: JSON.stringify(renewed.value) }
      : refusal(renewed.error)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function refusal(reason: EnrolReason) {
  const body = { error: reason, error_description: enrolSentence(reason) }
  return { status: 400, body: JSON.stringify(body) }
}
