import type { RequestListener } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import type { PortalStatus } from '#lib/api/control-api'
import type { DaemonConfig } from '../../daemon/config.ts'
import { issue, makeCa } from '../support/certificates.ts'
import { registrationOf, SETTINGS, startDaemonRig, startGatewayFor } from '../support/daemon-rig.ts'
import { startHttps } from '../support/https-target.ts'

const PORTAL = 'http://127.0.0.1/'

/** A daemon whose gateway has gone away, and whose login origin somebody else answers for, and sends elsewhere. */
async function startInHotel(
  t: ExecutionContext,
  change: { settings?: object; config?: Partial<DaemonConfig> } = {},
) {
  const settings = () => ({ ...SETTINGS, ...change.settings })
  const gateway = await startGatewayFor(t, 1, {}, { settings })
  const answer: RequestListener = (_, response) => {
    response.writeHead(302, { location: PORTAL }).end()
  }
  const { certificate, key } = await issue(await makeCa('hotel'), {
    names: [{ type: 'ip', value: '127.0.0.1' }],
    usage: 'serverAuth',
  })
  const hotel = await startHttps({ certPem: certificate, keyPem: key }, answer)
  t.teardown(hotel.close)
  const registration = {
    ...registrationOf(gateway, await gateway.enrol()),
    ...{ loginUrl: hotel.url, loginCa: gateway.gatewayCa.pem },
  }
  const rig = await startDaemonRig(t, { registration, config: change.config ?? {} })
  await rig.until(({ state, domains }) => state === 'connected' && domains.length > 0)
  t.is((await rig.status()).portal, undefined)
  await gateway.server.drain(0)
  return rig
}

test('D13 D8: a portal that nothing blocks is named as the reason, and needs no opening', async (t) => {
  const { until, ask } = await startInHotel(t)
  const status = await until(({ portal }) => portal !== undefined)
  t.deepEqual(status.portal, { host: '127.0.0.1', state: 'reachable' })
  t.is(status.reason, 'captive_portal')
  t.like(await ask({ method: 'portal', open: true }), { code: 'portal_not_blocked' })
  t.like(await ask({ method: 'portal', open: false }), { type: 'result' })
})

const blocked: Record<string, [NonNullable<Parameters<typeof startInHotel>[1]>, string]> = {
  'that leads to this machine': [{ config: { others: 'refuse' } }, 'portal_unreachable'],
  'where the gateway forbids it': [
    { settings: { others: 'refuse', captivePortalMs: 0 } },
    'portal_forbidden',
  ],
  'where this machine forbids it': [
    { config: { others: 'refuse', captivePortalSeconds: 0 } },
    'portal_forbidden',
  ],
}
for (const [title, [change, obstacle]] of Object.entries(blocked)) {
  test(`D13: a portal ${title} stays closed: ${obstacle}`, async (t) => {
    const { until, ask } = await startInHotel(t, change)
    const { portal } = await until((status) => status.portal !== undefined)
    t.deepEqual(portal, { host: '127.0.0.1', state: 'blocked', obstacle } satisfies PortalStatus)
    t.like(await ask({ method: 'portal', open: true }), { type: 'error', code: obstacle })
  })
}

test('D13: a portal is asked about in whole words only', async (t) => {
  const { ask } = await startDaemonRig(t)
  t.like(await ask({ method: 'portal', open: true }), { type: 'error', code: 'no_portal' })
  t.like(await ask({ method: 'portal', open: 'yes' } as never), { code: 'bad_request' })
  t.like(await ask({ method: 'portal', open: true, host: '10.0.0.1' } as never), {
    code: 'bad_request',
  })
})
