import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'ava'
import { issueServerCertificate } from '../../gateway/keys/server-certificate.ts'
import { startLoginAccess } from '../../gateway/login-access-server.ts'
import { NO_PROMPTS } from '../../gateway/prompt/prompts.ts'
import { openServiceTokens } from '../../gateway/service-token/service-tokens-store.ts'
import { openSessions } from '../../gateway/session/sessions-store.ts'
import { freeAddress } from '../support/free-address.ts'
import { completeLogin, startIdp, text } from '../support/idp.ts'
import { ALICE, beginEnrolment, postJson } from '../support/login-rig.ts'
import { CONFIG, openGateway, policySource, QUIET } from '../support/opened-gateway.ts'

test('D7 A6: a device is enrolled as the configuration says', async (t) => {
  const { data, caPem } = await openGateway(t, policySource({ public_default: 'block' }))
  const listen = await freeAddress()
  const url = `https://${listen.host}:${listen.port}`
  const redirectUri = `${url}/oidc/callback`
  const idp = await startIdp({ host: '127.0.0.1', port: 0, accounts: [ALICE], redirectUri })
  t.teardown(idp.close)
  const folder = dirname(data.recordingsDir)
  const [secret, ca] = [join(folder, 'idp.secret'), join(folder, 'idp-ca.pem')]
  writeFileSync(secret, `${idp.clientSecret}\n`)
  writeFileSync(ca, idp.caPem)
  const provider = {
    name: 'corp',
    kind: 'oidc',
    issuer: idp.issuer,
    clientId: idp.clientId,
    clientSecretFile: secret,
    caFile: ca,
    groupsClaim: 'groups',
    claims: [],
  } as const
  const server = await startLoginAccess({
    prompts: NO_PROMPTS,
    config: { ...CONFIG, login: { listen, url }, identityProviders: [provider] },
    keys: data.keys,
    store: data.store,
    sshAuthorities: data.sshAuthorities,
    sessions: openSessions({ store: data.store, log: QUIET, now: Date.now }),
    serviceTokens: openServiceTokens({ store: data.store, now: Date.now }),
    tell: () => undefined,
    tls: await issueServerCertificate(data.keys.gatewayCa, listen.host, Date.now()),
    log: QUIET,
    now: Date.now,
  })
  t.teardown(server.close)
  const post = (path: string, body: unknown) => postJson(new URL(path, url), body, caPem)
  const { userCode, deviceCode } = await beginEnrolment({ post })
  const verificationUrl = `${url}/device`
  const done = await completeLogin({ verificationUrl, userCode, ca: [caPem, idp.caPem], ...ALICE })
  t.regex(text(done), /Device connected/)
  const { status, body } = await post('/enrol/token', { device_code: deviceCode })
  t.is(status, 200)
  t.is(body['tunnel_url'], CONFIG.tunnel.url)
  t.is(String(body['gateway_ca']), caPem)
  t.truthy(data.store.devices.get(String(body['device_id'])))
})
