/**
 * Asks a SAML 2.0 identity provider who somebody is: AuthnRequest by redirect, response by POST (SAML 2.0 Profiles
 * section 4.1). Signatures are node-saml's; what must be signed, for whom and when is in ./saml-response.ts and ./saml.ts.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { type CacheProvider, SAML, ValidateInResponseTo } from '@node-saml/node-saml'
import { z } from 'zod'
import type { Log } from '#lib/log'
import { err, ok } from '#lib/result'
import type { Store } from '../store/store.ts'
import type { Identity } from './identity.ts'
import type { LoginResult, LoginWish, PendingLogin, RedirectProvider } from './identity-provider.ts'
import { errorCode } from './login-error.ts'
import { type AttributeRules, CLOCK_SKEW_MS, readAssertion, type Wanted } from './saml.ts'
import { SAML_ACS } from './saml-names.ts'
import { readResponse } from './saml-response.ts'
import { parseStrictXml } from './strict-xml.ts'

/** One provider, as configured. */
export type SamlOptions = {
  readonly attributes: AttributeRules
  /** Where its single sign-on service takes redirects. */
  readonly entryPoint: string
  readonly idpEntityId: string
  /** PEM, at least one: while a provider changes keys, the old and the new. */
  readonly idpCertificates: readonly string[]
  /** Our entity id: the URL of our metadata. */
  readonly entityId: string
  /** `<login url>/saml/acs`. */
  readonly acsUrl: string
  /** Signs requests, when the provider asks for it; PEM. */
  readonly signing?: { readonly privateKey: string; readonly certificate: string }
}

export type SamlClientDeps = {
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: Log
  readonly replays: Store['replays']
}

/** What leaves with the browser and must come back. */
const pendingShape = z.strictObject({
  request: z.string().length(33),
  relayState: z.string().length(43),
  askedAtMs: z.string().regex(/^\d{1,16}$/),
  maxAge: z
    .string()
    .regex(/^\d{1,9}$/)
    .exactOptional(),
})
type Pending = z.infer<typeof pendingShape>

/** Opens a provider. @throws {Error} when a certificate cannot be read. */
export function openSaml(options: SamlOptions, deps: SamlClientDeps): RedirectProvider {
  const { provider } = options.attributes
  const told = <T>(result: LoginResult<T>): LoginResult<T> => {
    if (!result.ok) deps.log.warn({ provider, reason: result.error.reason }, 'login failed')
    return result
  }
  return {
    kind: 'redirect',
    name: provider,
    callbackPath: SAML_ACS,
    returns: 'form',
    begin: (wish) => begin(options, wish, deps.now()),
    finish: async (form, pending) => told(await finish(options, deps, { form, pending })),
    metadata: () =>
      samlFor(options, {}).generateServiceProviderMetadata(
        null,
        options.signing?.certificate ?? null,
      ),
  }
}

async function begin(options: SamlOptions, { maxAgeSeconds, acrValues }: LoginWish, nowMs: number) {
  const pending: Pending = {
    // An XML ID begins with no digit.
    request: `_${randomBytes(16).toString('hex')}`,
    relayState: randomBytes(32).toString('base64url'),
    askedAtMs: String(nowMs),
    ...(maxAgeSeconds !== undefined && { maxAge: String(maxAgeSeconds) }),
  }
  const saml = samlFor(options, {
    generateUniqueId: () => pending.request,
    forceAuthn: maxAgeSeconds !== undefined,
    disableRequestedAuthnContext: acrValues === undefined,
    ...(acrValues !== undefined && { authnContext: [...acrValues] }),
  })
  return ok({ url: await saml.getAuthorizeUrlAsync(pending.relayState, undefined, {}), pending })
}

type Return = { readonly form: URLSearchParams; readonly pending: PendingLogin }

async function finish(
  options: SamlOptions,
  deps: SamlClientDeps,
  { form, pending }: Return,
): Promise<LoginResult<Identity>> {
  const left = pendingShape.safeParse(pending)
  if (!left.success) return err({ reason: 'bad_provider_answer' })
  const [posted, more] = form.getAll('SAMLResponse')
  if (posted === undefined || more !== undefined) return err({ reason: 'saml_malformed' })
  if (!isRelayState(form.getAll('RelayState'), left.data)) {
    return err({ reason: 'saml_wrong_request' })
  }
  const wanted = wantedOf(options, left.data)
  const response = readResponse(posted, wanted)
  if (!response.ok) return response
  const asked = { rules: options.attributes, wanted, nowMs: deps.now() }
  const claimed = readAssertion(response.value.assertion, asked)
  if (!claimed.ok) return claimed
  const signed = await signedAssertion(options, left.data, response.value.xml, deps)
  const login = signed === undefined ? undefined : readAssertion(signed, asked)
  if (login === undefined) return err({ reason: 'saml_bad_signature' })
  if (!login.ok) return login
  const { assertionId, expiresAtMs, identity } = login.value
  const key = `saml ${options.attributes.provider} ${assertionId}`
  const isFirst = deps.replays.take(key, expiresAtMs, deps.now())
  return isFirst ? ok(identity) : err({ reason: 'saml_replayed' })
}

function isRelayState(posted: readonly string[], { relayState }: Pending): boolean {
  const [a, b] = [Buffer.from(posted.join()), Buffer.from(relayState)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function wantedOf(options: SamlOptions, { request, askedAtMs, maxAge }: Pending): Wanted {
  return {
    issuer: options.idpEntityId,
    audience: options.entityId,
    recipient: options.acsUrl,
    requestId: request,
    askedAtMs: Number(askedAtMs),
    ...(maxAge !== undefined && { maxAgeSeconds: Number(maxAge) }),
  }
}

/** The assertion as the signature covers it; undefined when it covers none. */
async function signedAssertion(
  options: SamlOptions,
  pending: Pending,
  xml: string,
  { log }: SamlClientDeps,
) {
  const saml = samlFor(options, { cacheProvider: onlyRequest(pending) })
  try {
    const { profile } = await saml.validatePostResponseAsync({
      SAMLResponse: Buffer.from(xml).toString('base64'),
    })
    const assertion = parseStrictXml(profile?.getAssertionXml?.() ?? '')
    return assertion.ok ? assertion.value : undefined
  } catch (error) {
    // Its messages quote what was posted.
    log.warn(
      { provider: options.attributes.provider, error: errorCode(error) },
      'no valid signature',
    )
    return undefined
  }
}

type NodeSamlOptions = ConstructorParameters<typeof SAML>[0]

/** Everything is asked of node-saml too that we check ourselves: either may refuse. */
function samlFor(options: SamlOptions, change: Partial<NodeSamlOptions>): SAML {
  const { signing } = options
  return new SAML({
    entryPoint: options.entryPoint,
    issuer: options.entityId,
    audience: options.entityId,
    callbackUrl: options.acsUrl,
    idpCert: [...options.idpCertificates],
    idpIssuer: options.idpEntityId,
    identifierFormat: null,
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: false,
    validateInResponseTo: ValidateInResponseTo.always,
    acceptedClockSkewMs: CLOCK_SKEW_MS,
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    ...(signing && { privateKey: signing.privateKey, publicCert: signing.certificate }),
    ...change,
  })
}

/** node-saml's memory of its requests: this browser has one, and its cookie holds it. */
function onlyRequest({ request, askedAtMs }: Pending): CacheProvider {
  const asked = new Date(Number(askedAtMs)).toISOString()
  return {
    saveAsync: async () => null,
    getAsync: async (id) => (id === request ? asked : null),
    removeAsync: async (id) => id,
  }
}
