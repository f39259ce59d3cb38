/**
 * A login origin with a real identity provider, as the gateway runs it, on a store in memory and a clock that can be
 * moved and stopped.
 */
import { request } from 'node:https'
import { checkServerIdentity } from 'node:tls'
import type { ExecutionContext } from 'ava'
import { certificateRequest, generateDeviceKey } from '../../daemon/enrol/device-key.ts'
import type { AccessChange } from '../../gateway/access-change.ts'
import { openEnrolments } from '../../gateway/enrol/enrolments.ts'
import { renewDevice } from '../../gateway/enrol/renewal.ts'
import type { IdentityProvider } from '../../gateway/identity/identity-provider.ts'
import { openIdp } from '../../gateway/identity/idp-client.ts'
import type { ProviderDeps } from '../../gateway/identity/open-provider-os.ts'
import { createAuthority } from '../../gateway/keys/certificate.ts'
import { issueServerCertificate } from '../../gateway/keys/server-certificate.ts'
import type { LoginLimits } from '../../gateway/login/login-deps.ts'
import { startLoginServer } from '../../gateway/login/login-server.ts'
import type { Branding } from '../../gateway/login/look.ts'
import { NO_PROMPTS, type PromptDesk } from '../../gateway/prompt/prompts.ts'
import { openServiceTokens } from '../../gateway/service-token/service-tokens-store.ts'
import { openSessions } from '../../gateway/session/sessions-store.ts'
import { openMemoryStore } from '../../gateway/store/memory-store.ts'
import { Browser } from './browser.ts'
import { freeAddress } from './free-address.ts'
import { type IdpAccount, startIdp } from './idp.ts'
import { sampleAuthorities } from './ssh-authorities.ts'

export const ALICE: IdpAccount = {
  email: 'alice@example.com',
  password: 'alice-password',
  name: 'Alice',
  groups: ['engineers'],
}
export const BOB: IdpAccount = {
  email: 'bob@example.com',
  password: 'bob-password',
  name: 'Bob',
  groups: [],
}

const TEN_YEARS_MS = 3650 * 86_400_000

export type JsonAnswer = { readonly status: number; readonly body: Record<string, unknown> }
export type LoginRig = Awaited<ReturnType<typeof startLoginRig>>

export type RigOptions = {
  readonly limits?: Partial<LoginLimits>
  /** Beside the OpenID provider `corp`. */
  readonly providers?: readonly IdentityProvider[] | ((deps: ProviderDeps) => IdentityProvider[])
  readonly prompts?: PromptDesk
  readonly branding?: Branding
  readonly providerLimitMs?: number
  /** Life of a global session, ms. */
  readonly globalSessionMs?: number
}

/** Everything that one test needs; torn down with it. */
export async function startLoginRig(
  t: ExecutionContext,
  {
    limits = {},
    providers = [],
    prompts = NO_PROMPTS,
    globalSessionMs = 8 * 3_600_000,
    branding = { title: 'Example' },
    providerLimitMs = 20_000,
  }: RigOptions = {},
) {
  const clock: { aheadMs: number; stoppedAtMs?: number } = { aheadMs: 0 }
  const now = () => (clock.stoppedAtMs ?? Date.now()) + clock.aheadMs
  const logged: string[] = []
  const keep = (fields: object, message: string) => {
    logged.push(JSON.stringify({ ...fields, message }))
  }
  const log = { info: keep, warn: keep, error: keep }
  const authority = (commonName: string) =>
    createAuthority({ commonName, nowMs: Date.now(), lifetimeMs: TEN_YEARS_MS })
  const [gatewayCa, deviceCa] = [await authority('gateway CA'), await authority('device CA')]
  const listen = await freeAddress()
  const url = new URL(`https://${listen.host}:${listen.port}`)
  const redirectUri = `${url.origin}/oidc/callback`
  const accounts = [ALICE, BOB]
  const idp = await startIdp({ host: '127.0.0.1', port: 0, accounts, redirectUri })
  t.teardown(idp.close)
  const { issuer, clientId, clientSecret, caPem } = idp
  const provider = openIdp(
    {
      name: 'corp',
      issuer,
      clientId,
      clientSecret,
      caPem,
      groupsClaim: 'groups',
      claims: [],
      redirectUri,
    },
    { now, log },
  )
  const store = openMemoryStore()
  const sessions = openSessions({ store, log, now })
  const told: AccessChange[] = []
  const tell = (change: AccessChange) => {
    told.push(change)
  }
  const serviceTokens = openServiceTokens({ store, now })
  const sshAuthorities = sampleAuthorities(t, store, now)
  const enrolDeps = {
    store,
    serviceTokens,
    tell,
    deviceCa,
    gatewayCaPem: gatewayCa.certificatePem,
    loginOrigin: url.origin,
    tunnelUrl: 'https://gw.example.com:8443',
    now,
    log,
  }
  const enrolments = openEnrolments(enrolDeps)
  const more =
    typeof providers === 'function'
      ? providers({ organisation: 'Example', loginOrigin: url.origin, store, now, log })
      : providers
  const server = await startLoginServer({
    listen,
    tls: await issueServerCertificate(gatewayCa, listen.host, Date.now()),
    limits,
    url,
    branding,
    providerLimitMs,
    providers: [provider, ...more],
    prompts,
    enrolments,
    ...{ store, sessions },
    globalSessionMs,
    tell,
    renew: (body) => renewDevice(enrolDeps, body, { audience: url.origin }),
    gatewayCaPem: gatewayCa.certificatePem,
    sshAuthorities,
    now,
    log,
  })
  t.teardown(server.close)
  const ca = [gatewayCa.certificatePem, caPem]
  return {
    url,
    ca,
    sshAuthorities,
    clock,
    logged,
    told,
    store,
    sessions,
    idp,
    provider,
    gatewayCa,
    deviceCa,
    enrolDeps,
    serviceTokens,
    enrolments,
    verificationUrl: `${url.origin}/device`,
    browser: (localAddress?: string) =>
      new Browser({ ca, ...(localAddress === undefined ? {} : { localAddress }) }),
    post: (path: string, body: unknown, options: PostOptions = {}) =>
      postJson(new URL(path, url), body, gatewayCa.certificatePem, options),
  }
}

export type PostOptions = {
  readonly localAddress?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
}

/** Posts JSON, or text as it is; an answer that is not JSON comes back as `text`. */
export function postJson(
  url: URL,
  body: unknown,
  ca: string,
  { localAddress, headers = {} }: PostOptions = {},
): Promise<JsonAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        ca,
        agent: false,
        // The certificate is for the origin, whatever `Host` a test sends.
        checkServerIdentity: (_name, certificate) => checkServerIdentity(url.hostname, certificate),
        headers: { 'content-type': 'application/json', ...headers },
        ...(localAddress === undefined ? {} : { localAddress }),
      },
      (answer) => {
        let text = ''
        answer.on('data', (chunk) => {
          text += String(chunk)
        })
        answer.on('end', () => {
          const isJson = answer.headers['content-type']?.startsWith('application/json') ?? false
          resolve({ status: answer.statusCode ?? 0, body: isJson ? JSON.parse(text) : { text } })
        })
      },
    )
    sent.on('error', reject)
    sent.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
}

/** Codes for a device, as the daemon asks for them. */
export async function beginEnrolment(
  rig: Pick<LoginRig, 'post'>,
  { key = generateDeviceKey(), name = 'laptop', localAddress = '127.0.0.1' } = {},
) {
  const body = { csr: await certificateRequest(key), device_name: name }
  const answer = await rig.post('/enrol/device_authorization', body, { localAddress })
  return {
    key,
    answer,
    userCode: String(answer.body['user_code']),
    deviceCode: String(answer.body['device_code']),
    keyWords: String(answer.body['key_words']),
  }
}

/** One poll, later than the last by enough. */
export function pollEnrolment(
  rig: Pick<LoginRig, 'post' | 'clock'>,
  deviceCode: string,
): Promise<JsonAnswer> {
  rig.clock.aheadMs += 2000
  return rig.post('/enrol/token', { device_code: deviceCode })
}
