/**
 * What a hostile provider, or somebody in its place, may answer: each forged ID token logs nobody in.
 */
import type { IncomingMessage } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose'
import { openIdp } from '../../../gateway/identity/idp-client.ts'
import { startHttps } from '../../support/https-target.ts'
import { throwawayCa } from '../../support/throwaway-ca.ts'

const CLIENT = { id: 'zt', secret: 'client-secret-of-thirty-two-octets' }
const silent = { info: () => {}, warn: () => {}, error: () => {} }

type World = {
  readonly issuer: string
  readonly nonce: string
  readonly key: CryptoKey
  readonly otherKey: CryptoKey
  /** Claims of a good token. */
  readonly claims: JWTPayload
}

/** A provider of a few lines that answers the token request with what `forge` makes. */
async function finishWith(
  t: ExecutionContext,
  forge: (world: World) => Promise<string>,
  seen: string[] = [],
) {
  const ca = await throwawayCa()
  const [own, other] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')]
  let world: World | undefined
  const answers: Record<string, () => Promise<unknown>> = {
    '/.well-known/openid-configuration': async () => ({
      issuer: site.url,
      authorization_endpoint: `${site.url}/auth`,
      token_endpoint: `${site.url}/token`,
      jwks_uri: `${site.url}/jwks`,
      id_token_signing_alg_values_supported: ['ES256'],
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
    }),
    '/jwks': async () => ({
      keys: [{ ...(await exportJWK(own.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }],
    }),
    '/token': async () => {
      if (world === undefined) throw new Error('the token was asked for first')
      const id_token = await forge(world)
      return { access_token: 'a', token_type: 'Bearer', expires_in: 60, id_token }
    },
  }
  const site = await startHttps(
    await ca.issue('127.0.0.1'),
    (request: IncomingMessage, response) => {
      const path = request.url ?? ''
      seen.push(path)
      const answer = answers[path]?.() ?? Promise.resolve({ error: 'not_found' })
      answer.then((body) => {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(body))
      })
    },
  )
  t.teardown(site.close)
  const client = openIdp(
    {
      name: 'corp',
      issuer: site.url,
      clientId: CLIENT.id,
      clientSecret: CLIENT.secret,
      caPem: ca.caPem,
      groupsClaim: 'groups',
      claims: [],
      redirectUri: 'https://login.example.com/oidc/callback',
    },
    { now: Date.now, log: silent },
  )
  const begun = await client.begin({})
  if (!begun.ok) throw new Error(begun.error.reason)
  const { state = '', nonce = '' } = begun.value.pending
  const nowSeconds = Math.floor(Date.now() / 1000)
  const times = { iat: nowSeconds, exp: nowSeconds + 60 }
  const person = { sub: 'u1', email: 'ann@example.com', email_verified: true }
  world = {
    issuer: site.url,
    nonce,
    key: own.privateKey,
    otherKey: other.privateKey,
    claims: { iss: site.url, aud: CLIENT.id, nonce, ...times, ...person },
  }
  return client.finish(new URLSearchParams({ code: 'c', state }), begun.value.pending)
}

const HEADER: JWTHeaderParameters = { alg: 'ES256', kid: 'one' }
const sign = (claims: JWTPayload, key: CryptoKey, header: JWTHeaderParameters = HEADER) =>
  new SignJWT(claims).setProtectedHeader(header).sign(key)
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

test('T88: a good token of this provider logs in', async (t) => {
  t.like(await finishWith(t, ({ claims, key }) => sign(claims, key)), {
    ok: true,
    value: { email: 'ann@example.com', providerSubject: 'u1' },
  })
})

const forged: Record<string, (world: World) => Promise<string>> = {
  'no signature (alg none)': async ({ claims }) => new UnsecuredJWT(claims).encode(),
  'a signature cut off': async ({ claims, key }) => (await sign(claims, key)).replace(/[^.]+$/, ''),
  "another's key under our kid": ({ claims, otherKey }) => sign(claims, otherKey),
  'a key that the token itself brings (jwk)': async ({ claims }) => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    return sign(claims, privateKey, { ...HEADER, jwk: await exportJWK(publicKey) })
  },
  'a kid that nobody knows': ({ claims, otherKey }) =>
    sign(claims, otherKey, { alg: 'ES256', kid: '../../jwks' }),
  'the client secret as an HMAC key': ({ claims }) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(CLIENT.secret)),
  'another audience': ({ claims, key }) => sign({ ...claims, aud: 'other' }, key),
  'two audiences and another authorized party': ({ claims, key }) =>
    sign({ ...claims, aud: [CLIENT.id, 'other'], azp: 'other' }, key),
  'another issuer': ({ claims, key }) => sign({ ...claims, iss: 'https://evil.example' }, key),
  'the nonce of another login': ({ claims, key }) => sign({ ...claims, nonce: 'n' }, key),
  'no nonce': ({ claims: { nonce: _, ...claims }, key }) => sign(claims, key),
  'no subject': ({ claims: { sub: _, ...claims }, key }) => sign(claims, key),
  'a subject that is a number': ({ claims, key }) => sign({ ...claims, sub: 7 as never }, key),
  expired: ({ claims, key }) => sign({ ...claims, exp: (claims.iat ?? 0) - 600 }, key),
  'no end': ({ claims: { exp: _, ...claims }, key }) => sign(claims, key),
  'not valid before an hour': ({ claims, key }) =>
    sign({ ...claims, nbf: (claims.iat ?? 0) + 3600 }, key),
  'a header that must be understood and is not (crit)': async ({ claims, key }) => {
    const [, body, signature] = (await sign(claims, key)).split('.')
    return [part({ ...HEADER, crit: ['x'], x: 1 }), body, signature].join('.')
  },
  'claims changed after signing': async ({ claims, key }) => {
    const [header, , signature] = (await sign(claims, key)).split('.')
    return [header, part({ ...claims, sub: 'admin' }), signature].join('.')
  },
  'no token at all': async () => '',
  'no JSON': async () => 'a.b.c',
}
for (const [title, forge] of Object.entries(forged)) {
  test(`T88: refuses an ID token with ${title}`, async (t) => {
    const login = await finishWith(t, forge)
    t.deepEqual(login, { ok: false, error: { reason: 'bad_provider_answer' } })
  })
}

test('T88: a claim that was added a second time after signing is refused', async (t) => {
  const login = await finishWith(t, async ({ claims, key }) => {
    const [header, , signature] = (await sign(claims, key)).split('.')
    const twice = `${JSON.stringify({ ...claims, sub: 'admin' }).slice(0, -1)},"sub":"u1"}`
    return [header, Buffer.from(twice).toString('base64url'), signature].join('.')
  })
  t.false(login.ok)
})

test('T88: a URL for keys in the token (jku, x5u) is never asked', async (t) => {
  const seen: string[] = []
  const login = await finishWith(
    t,
    ({ claims, otherKey, issuer }) =>
      sign(claims, otherKey, { ...HEADER, jku: `${issuer}/planted`, x5u: `${issuer}/planted` }),
    seen,
  )
  t.false(login.ok)
  t.false(seen.includes('/planted'))
})
