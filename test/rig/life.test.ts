/**
 * The daemon's life on a laptop: each event of the table, and what a program and `zt status` see of it.
 */
import { readFileSync } from 'node:fs'
import anyTest, { type TestFn } from 'ava'
import type { ControlRequest, DaemonStatus } from '#lib/api/control-api'
import { daemonAt } from '../../cli/daemon-client.ts'
import { type LabProcess, must } from '../../scripts/lab/child-process.ts'
import { LAPTOP_EVENTS } from '../../scripts/lab/laptop-events.ts'
import { startStreamTarget } from '../../scripts/lab/live-flows.ts'
import { enrol } from '../../scripts/lab/log-in.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { streamPolicy, undergo } from '../../scripts/lab/undergo.ts'

const test = anyTest as TestFn<{ organisation: Organisation; target: LabProcess }>

test.before(async (t) => {
  t.timeout(120_000)
  const organisation = await startOrganisation('namespaces', { hasLaptop: true, hasClock: true })
  t.context.organisation = organisation
  t.context.target = await startStreamTarget(organisation, organisation.folder)
  const [alice] = organisation.people
  if (alice === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, alice)
  await organisation.applyPolicy(streamPolicy(organisation))
})

test.after.always(async (t) => {
  await t.context.target?.stop()
  await t.context.organisation?.close()
})

for (const event of LAPTOP_EVENTS) {
  test.serial(`D8 T107 T108 ${event.name}: ${event.what}`, async (t) => {
    t.timeout(90_000)
    const seen = await undergo(t.context.organisation, event)
    t.log(`again after ${seen.recoveredMs} ms; ${seen.statuses.join(', ')}`)
    t.true(seen.recoveredMs <= event.withinSeconds * 1000, `${seen.recoveredMs} ms`)
    t.is(seen.openFlow, event.openFlows === 'end' ? 'ended' : 'went on')
    const refused = [...seen.outcomes].filter((outcome) => outcome !== 'ok')
    // An event that lasts as long as connections wait may end before the first is refused.
    if (event.lastsMs > 0 || refused.length > 0) {
      t.deepEqual(refused, event.refusal === undefined ? [] : [event.refusal])
    }
    if (event.status === undefined) return
    const [state, reasons] = event.status
    const said = reasons.length === 0 ? [state] : reasons.map((reason) => `${state} (${reason})`)
    t.true(
      seen.statuses.some((status) => said.includes(status)),
      seen.statuses.join(', '),
    )
  })
}

test.serial('D4 D8: a changed setting is in force on the device within 2 s', async (t) => {
  const { organisation } = t.context
  const ask = daemonAt(organisation.control)
  const changed = streamPolicy(organisation).replace('domains: [', 'domains: [new.example, ')
  const changedAtMs = Date.now()
  await organisation.applyPolicy(changed)
  for (;;) {
    const answer = await ask({ method: 'status' })
    const status = answer.ok && answer.value.method === 'status' ? answer.value.status : undefined
    if (status?.domains.includes('new.example')) break
    if (Date.now() - changedAtMs > 10_000) break
  }
  t.true(Date.now() - changedAtMs < 2000, `${Date.now() - changedAtMs} ms`)
})

test.serial(
  'D8 D13: no clock prolongs what a code lifts, one put forward ends it, and no code counts again',
  async (t) => {
    t.timeout(60_000)
    const { organisation } = t.context
    const { applyPolicy, control, files, setClock, zt } = organisation
    const ask = daemonAt(control)
    const outcomeOf = async (request: ControlRequest): Promise<string> => {
      const answer = await ask(request)
      return answer.ok ? 'done' : answer.error.code
    }
    const until = async (isIt: (status: DaemonStatus) => boolean): Promise<DaemonStatus> => {
      for (;;) {
        const answer = await ask({ method: 'status' })
        if (!answer.ok || answer.value.method !== 'status') throw new Error('no status')
        if (isIt(answer.value.status)) return answer.value.status
      }
    }
    await applyPolicy(streamPolicy(organisation).replace('tunnel: {', 'tunnel: { lock: true,'))
    const { deviceId = '' } = await until(({ lock }) => lock !== undefined)
    t.is(await outcomeOf({ method: 'down' }), 'locked')
    const made = await must([
      ...zt,
      ...['admin', 'devices', 'override', deviceId, '--for', '10m', '--json'],
    ])
    const { code } = JSON.parse(made) as { readonly code: string }
    t.is(await outcomeOf({ method: 'override', code }), 'done')
    t.is(await outcomeOf({ method: 'down' }), 'done')
    const { lock: lifted } = await until(({ state }) => state === 'down')
    t.truthy(lifted?.liftedUntil)

    const looks = () => readFileSync(files.daemonLog, 'utf8').split('clock_changed').length
    const before = looks()
    setClock(-3 * 3600)
    await until(() => looks() > before)
    t.deepEqual((await until(() => true)).lock, lifted)
    setClock(3600)
    await until(({ state, lock }) => state === 'connected' && lock?.liftedUntil === undefined)
    t.is(await outcomeOf({ method: 'down' }), 'locked')
    const again = looks()
    setClock(0)
    await until(() => looks() > again)
    t.is(await outcomeOf({ method: 'override', code }), 'code_used')
    t.is(await outcomeOf({ method: 'down' }), 'locked')
  },
)
