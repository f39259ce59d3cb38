import test from 'ava'
import { poll } from '../../../gateway/enrol/collect.ts'
import { codeDigest } from '../../../gateway/enrol/enrol-deps.ts'
import { createAuthority } from '../../../gateway/keys/certificate.ts'
import { openServiceTokens } from '../../../gateway/service-token/service-tokens-store.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { LOGIN } from '../../contract/store-contract.ts'
import { memoryLog } from '../../support/tunnel.ts'

const CODE = 'device-code'
const NOW_MS = Date.UTC(2026, 0, 1)

/** Approved enrolments as an older gateway may have left them. */
const unfinished: Record<string, (userId: string) => object> = {
  'without a login': (userId) => ({ userId }),
  'by nobody': () => ({ login: LOGIN.login }),
  'by somebody who is unknown': () => ({ userId: 'gone', login: LOGIN.login }),
}
for (const [title, approvalBy] of Object.entries(unfinished)) {
  test(`D7 device code: an approval ${title} is no grant, and does not spend the code`, async (t) => {
    const store = openMemoryStore()
    const now = () => NOW_MS
    const times = { nowMs: NOW_MS, lifetimeMs: 86_400_000 }
    const deviceCa = await createAuthority({ commonName: 'devices', ...times })
    const user = store.users.upsert(LOGIN)
    store.enrolments.insert({
      ...{ deviceCodeSha256: codeDigest(CODE), userCodeSha256: 'u', keySha256: 'k', csrPem: 'csr' },
      ...{ deviceName: 'laptop', sourceAddress: '192.0.2.7', expiresAtMs: NOW_MS + 1000 },
      ...{ state: 'approved', ...approvalBy(user.id) },
    })
    const deps = {
      ...{ store, deviceCa, now, log: memoryLog(), tell: () => t.fail() },
      ...{ serviceTokens: openServiceTokens({ store, now }), gatewayCaPem: '' },
      ...{ loginOrigin: 'https://login.example.com', tunnelUrl: 'https://gw.example.com' },
    }
    t.deepEqual(await poll(deps, new Map(), CODE), { ok: false, error: 'invalid_grant' })
    t.is(store.enrolments.byDeviceCode(codeDigest(CODE))?.state, 'approved')
  })
}
