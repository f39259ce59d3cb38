import test from 'ava'
import { startExpiryAlerts } from '../../../gateway/service-token/expiry-alert-job.ts'
import { newServiceToken } from '../../../gateway/service-token/service-token.ts'
import { deferred } from '../../support/deferred.ts'

const DAY_MS = 86_400_000

test('A11: the log warns of a token that ends soon at the start, and again when it has ended', async (t) => {
  const lines: unknown[] = []
  const second = deferred<void>()
  const { token } = newServiceToken('backup', 6 * DAY_MS, 0)
  let nowMs = 0
  const log = {
    warn(fields: object, message: string) {
      lines.push([fields, message])
      if (lines.length === 2) second.resolve()
    },
  }
  const serviceTokens = { list: () => [token] }
  const alerts = startExpiryAlerts({ serviceTokens, log, now: () => nowMs, everyMs: 1 })
  t.teardown(alerts.stop)
  const about = { tokenId: token.id, name: 'backup', expiresAt: '1970-01-07T00:00:00.000Z' }
  t.deepEqual(lines, [[{ ...about, daysLeft: 7 }, 'service token expires soon: rotate it']])
  nowMs = 6 * DAY_MS
  const alive = setInterval(() => {}, 1000)
  await second.promise
  clearInterval(alive)
  t.deepEqual(lines[1], [{ ...about, daysLeft: 0 }, 'service token expired: rotate it'])
})
