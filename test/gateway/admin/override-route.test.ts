import test from 'ava'
import { readOverrideCode } from '#lib/enrol/override-code'
import { addPerson, NOW_MS, OVERRIDE_KEY, startAdminRig } from '../../support/admin-rig.ts'

const HOUR_MS = 3_600_000

test('D13: a code is made for one device, and audited without it', async (t) => {
  const { store, post } = await startAdminRig(t)
  const device = addPerson(store, 'ann')
  const made = await post(`/api/v1/devices/${device}/override`, { seconds: 3600 })
  const { code, endsAt } = made.json as { code: string; endsAt: string }
  t.is(Date.parse(endsAt), NOW_MS + HOUR_MS)
  t.true(readOverrideCode(OVERRIDE_KEY, device, code, NOW_MS).ok)
  t.like(readOverrideCode(OVERRIDE_KEY, device, code, NOW_MS + HOUR_MS), { ok: false })
  const lines = JSON.stringify(store.audit.lines(0, 10))
  t.true(lines.includes('override_lock') && lines.includes(device))
  t.false(lines.includes(code))
})

const refused: Record<string, readonly [string | undefined, unknown, number, string]> = {
  'nobody knows the device': ['nobody', { seconds: 3600 }, 404, 'no_such_device'],
  'it would be good for too short': [undefined, { seconds: 299 }, 400, 'bad_body'],
  'it would be good for too long': [undefined, { seconds: 604_801 }, 400, 'bad_body'],
  'it is not said for how long': [undefined, {}, 400, 'bad_body'],
  'more is asked for': [undefined, { seconds: 3600, more: 1 }, 400, 'bad_body'],
}
for (const [title, [named, body, status, code]] of Object.entries(refused)) {
  test(`D13: no code is made where ${title}`, async (t) => {
    const { store, post } = await startAdminRig(t)
    const device = addPerson(store, 'ann')
    const answer = await post(`/api/v1/devices/${named ?? device}/override`, body)
    t.like(answer, { status, json: { error: { code } } } as never)
  })
}
