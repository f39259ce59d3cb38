/**
 * Our client of a test provider, and one login at it.
 */
import type { LoginWish } from '../../gateway/identity/identity-provider.ts'
import type { SamlOptions } from '../../gateway/identity/saml/request.ts'
import { openSaml } from '../../gateway/identity/saml/saml-client.ts'
import { openMemoryStore } from '../../gateway/store/memory-store.ts'
import { ENTITY_ID, honest, type IdpKey, idpKey } from './saml-idp.ts'

export const KEY: IdpKey = await idpKey()
const ORIGIN = 'https://login.example.com'

export const OPTIONS: SamlOptions = {
  attributes: { provider: 'corp', groupsAttribute: 'groups', claims: ['department'] },
  entryPoint: 'https://idp.example.com/sso',
  idpEntityId: ENTITY_ID,
  idpCertificates: [KEY.certPem],
  entityId: `${ORIGIN}/saml/metadata?provider=corp`,
  acsUrl: `${ORIGIN}/saml/acs`,
}

/** A client; what it logged is kept. */
export function samlClient(options: SamlOptions = OPTIONS) {
  const lines: string[] = []
  const keep = (fields: object, message: string) => {
    lines.push(`${JSON.stringify(fields)} ${message}`)
  }
  const log = { info: keep, warn: keep, error: keep }
  const { replays } = openMemoryStore()
  return { client: openSaml(options, { now: Date.now, log, replays }), lines }
}

/** A login up to the provider: what it must answer, and what the browser keeps. */
export async function started(options: SamlOptions = OPTIONS, wish: LoginWish = {}) {
  const { client, lines } = samlClient(options)
  const begun = await client.begin(wish)
  if (!begun.ok) throw new Error(begun.error.reason)
  const { url, pending } = begun.value
  const { request = '', relayState = '' } = pending
  const said = honest({
    requestId: request,
    acsUrl: options.acsUrl,
    audience: options.entityId,
  })
  return { client, lines, url, pending, relayState, said }
}
