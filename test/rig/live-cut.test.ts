/**
 * Live connections end the moment somebody may not have them any more: ssh and streams over TCP, both ways busy.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { adminAt } from '../../cli/admin-client.ts'
import type { AdminApi } from '../../cli/cli-io.ts'
import type { LabProcess } from '../../scripts/lab/child-process.ts'
import type { Person } from '../../scripts/lab/identity-provider.ts'
import { openFlows, STREAM_PORT, startStreamTarget } from '../../scripts/lab/live-flows.ts'
import { enrol, logInAgain } from '../../scripts/lab/log-in.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { demoPolicy, NAMES } from '../../scripts/lab/policy-texts.ts'

type Context = {
  readonly organisation: Organisation
  readonly folder: string
  readonly target: LabProcess
  readonly alice: Person
  readonly admin: AdminApi
}
const test = anyTest as TestFn<Context>

const ENGINEERS = ['engineers']
/** The bar, with room for a busy machine; `scripts/bench cut` measures it. */
const CUT_WITHIN_MS = 5_000

test.before(async (t) => {
  t.timeout(120_000)
  const organisation = await startOrganisation('namespaces')
  const folder = mkdtempSync(join(tmpdir(), 'zt-rig-'))
  const target = await startStreamTarget(organisation, folder)
  const [alice] = organisation.people
  if (alice === undefined) throw new Error('nobody to enrol')
  const { urls, adminToken, files } = organisation
  const caFile = join(files.data, 'keys/gateway-ca.crt')
  const admin = adminAt({ url: urls.admin, caFile, token: adminToken })
  t.context = { organisation, folder, target, alice, admin }
  await enrol(organisation, alice)
  await organisation.applyPolicy(policyFor(organisation, 'group: engineers'))
})

test.after.always(async ({ context: { target, organisation, folder } }) => {
  await target?.stop()
  await organisation?.close()
  if (folder) rmSync(folder, { recursive: true, force: true })
})

/** Both applications for whoever the selector admits. */
function policyFor({ policyInput }: Organisation, selector: string): string {
  const text = demoPolicy({
    ...policyInput,
    extraApplications: `    - name: stream
      destinations: ["${NAMES.denied}:${STREAM_PORT}"]
      policies: [{ name: staff, decision: allow, include: [{ email_domain: ${policyInput.emailDomain} }] }]
`,
  })
  return text.replaceAll(`email_domain: ${policyInput.emailDomain}`, selector)
}

type Event = {
  act(context: Context): Promise<unknown>
  restore(context: Context): Promise<unknown>
}

const revoke = async ({ admin }: Context, whose: object): Promise<void> => {
  const answer = await admin.postJson('/api/v1/sessions/revoke', whose)
  if (!answer.ok) throw new Error(answer.error.message)
}
const logIn = ({ organisation, alice }: Context) => logInAgain(organisation, alice)
const deviceId = async ({ admin }: Context): Promise<string> => {
  const answer = await admin.getJson('/api/v1/devices')
  const { devices } = (answer.ok ? answer.value : {}) as { devices?: { id: string }[] }
  return devices?.[0]?.id ?? ''
}

const events: Record<string, Event> = {
  "all of a user's sessions are revoked": {
    act: (context) => revoke(context, { user: context.alice.email }),
    restore: logIn,
  },
  "a device's session is revoked": {
    act: async (context) => revoke(context, { device: await deviceId(context) }),
    restore: logIn,
  },
  'the sessions of the applications are revoked': {
    act: async (context) => {
      await revoke(context, { application: 'stream' })
      await revoke(context, { application: 'database' })
    },
    restore: logIn,
  },
  'a rule changes': {
    act: ({ organisation }) => organisation.applyPolicy(policyFor(organisation, 'group: nobody')),
    restore: ({ organisation }) =>
      organisation.applyPolicy(policyFor(organisation, 'group: engineers')),
  },
  'a login shows that the user left the group': {
    act: async (context) => {
      await context.organisation.setGroups(context.alice.email, ['sales'])
      await logIn(context)
    },
    restore: async (context) => {
      await context.organisation.setGroups(context.alice.email, ENGINEERS)
      await logIn(context)
    },
  },
  'the device is revoked': {
    act: async (context) => {
      const id = await deviceId(context)
      return context.admin.postJson(`/api/v1/devices/${id}/revoke`, {})
    },
    restore: async () => undefined,
  },
}
for (const [title, { act, restore }] of Object.entries(events)) {
  test.serial(`G10 T87 live ssh and TCP flows end when ${title}`, async (t) => {
    const { organisation, target, folder } = t.context
    const flows = await openFlows(organisation, { count: 3, target, folder })
    const startedAtMs = Date.now()
    await act(t.context)
    const actedAtMs = Date.now()
    for (const { ended } of flows) {
      const { program, target: atTarget = program } = await ended
      t.true(Math.max(program, atTarget) < actedAtMs + CUT_WITHIN_MS)
      t.true(Math.min(program, atTarget) > startedAtMs - 1_000, 'it was busy until then')
    }
    await restore(t.context)
  })
}
