/**
 * `scripts/bench cut`: from an administrator's action to the last octet of the live flows that it ends, seen at the
 * program's socket and at the target. Flows stream both ways all the time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adminAt } from '../../cli/admin-client.ts'
import type { Person } from '../lab/identity-provider.ts'
import {
  type Ended,
  openFlows,
  STREAM_PORT,
  type StreamingFlow,
  startStreamTarget,
} from '../lab/live-flows.ts'
import { enrol, logInAgain } from '../lab/log-in.ts'
import { type Organisation, startOrganisation } from '../lab/organisation.ts'
import { demoPolicy, hostOf, NAMES } from '../lab/policy-texts.ts'
import type { Report } from './report.ts'
import { type Bar, median, percentile } from './statistics.ts'

/** Live flows that each action ends; one of them is SSH. */
const FLOWS = 10
const SIZES = { full: { actions: 20 }, quick: { actions: 5 } }
/** No cut comes near this; without it a flow that is not cut would hold the run up. */
const LIMIT_MS = 15_000

type Action = { readonly name: string; act(): Promise<unknown>; restore(): Promise<unknown> }

/** Runs it. @throws {Error} when a flow cannot be opened, or an action does not end it in time. */
export async function benchCut(quick: boolean, log: (line: string) => void): Promise<Report> {
  const { actions } = quick ? SIZES.quick : SIZES.full
  const organisation = await startOrganisation('namespaces')
  const folder = mkdtempSync(join(tmpdir(), 'zt-bench-'))
  const target = await startStreamTarget(organisation, folder)
  try {
    const open = () => openFlows(organisation, { count: FLOWS, target, folder })
    return reportOf(await measure({ organisation, open, actions, log }))
  } finally {
    await target.stop()
    await organisation.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

type Cut = { readonly action: string; readonly programMs: number; readonly targetMs?: number }

type Run = {
  readonly organisation: Organisation
  readonly open: () => Promise<readonly StreamingFlow[]>
  readonly actions: number
  readonly log: (line: string) => void
}

async function measure({ organisation, open, actions, log }: Run): Promise<readonly Cut[]> {
  const [person] = organisation.people
  if (person === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, person)
  await organisation.applyPolicy(policyOf(organisation))
  const kinds = actionsOf(organisation, person)
  const cuts: Cut[] = []
  for (let round = 0; round < actions; round++) {
    const action = kinds[round % kinds.length]
    if (action === undefined) throw new Error('no action')
    const flows = await open()
    const startedAtMs = Date.now()
    await action.act()
    for (const { program, target: atTarget } of await Promise.all(flows.map(inTime))) {
      cuts.push({
        action: action.name,
        programMs: program - startedAtMs,
        ...(atTarget !== undefined && { targetMs: atTarget - startedAtMs }),
      })
    }
    await action.restore()
    log(`${action.name}: ${flows.length} flows ended`)
  }
  return cuts
}

function inTime({ ended }: StreamingFlow): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('a flow was not cut')), LIMIT_MS)
    ended.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function policyOf({ policyInput }: Organisation): string {
  const { lab, emailDomain } = policyInput
  return demoPolicy({
    ...policyInput,
    extraApplications: `    - name: stream
      destinations: ["${hostOf(lab, NAMES.denied)}:${STREAM_PORT}", "${lab.target}:${STREAM_PORT}"]
      policies: [{ name: staff, decision: allow, include: [{ email_domain: ${emailDomain} }] }]
`,
  })
}

/** The actions; each ends every flow, and what it took is given back. */
function actionsOf(organisation: Organisation, person: Person): readonly Action[] {
  const { urls, adminToken, files } = organisation
  const caFile = join(files.data, 'keys/gateway-ca.crt')
  const admin = adminAt({ url: urls.admin, caFile, token: adminToken })
  const revoke = async (whose: object): Promise<void> => {
    const answer = await admin.postJson('/api/v1/sessions/revoke', whose)
    if (!answer.ok) throw new Error(answer.error.message)
  }
  const restore = () => logInAgain(organisation, person)
  const text = policyOf(organisation)
  const without = text.replaceAll('decision: allow', 'decision: deny')
  return [
    { name: "a user's sessions revoked", act: () => revoke({ user: person.email }), restore },
    {
      name: 'policy changed',
      act: () => organisation.applyPolicy(without),
      restore: () => organisation.applyPolicy(text),
    },
    {
      name: "an application's sessions revoked",
      act: async () => {
        await revoke({ application: 'stream' })
        await revoke({ application: 'database' })
      },
      restore,
    },
  ]
}

function reportOf(cuts: readonly Cut[]): Report {
  const program = cuts.map(({ programMs }) => programMs)
  const target = cuts.flatMap(({ targetMs }) => (targetMs === undefined ? [] : [targetMs]))
  const names = [...new Set(cuts.map(({ action }) => action))]
  const p99 = (name: string, series: readonly number[]): Bar => ({
    name: `p99 from the action to the last octet at the ${name}, ms`,
    figure: percentile(series, 0.99),
    bar: 1000,
    sense: 'at_most',
  })
  return {
    title: 'Live cut',
    method: `${cuts.length} flows ended by ${names.length} kinds of action, ${FLOWS} at a time (one of them SSH), all streaming both ways, through three namespaces, Node ${process.version}. From the request to the admin API, or SIGHUP, to the last octet; an application is ended by two requests. Pieces come every 5 ms: below zero, the last one came before the action.`,
    rows: [
      ...names.map((work) => ({
        work,
        unit: 'ms, p50',
        figures: {
          program: [median(seriesOf(cuts, work, 'programMs'))],
          target: [median(seriesOf(cuts, work, 'targetMs'))],
        },
      })),
      {
        work: 'all',
        unit: 'ms, p50',
        figures: { program: [median(program)], target: [median(target)] },
      },
      {
        work: 'all',
        unit: 'ms, p99',
        figures: { program: [percentile(program, 0.99)], target: [percentile(target, 0.99)] },
      },
    ],
    bars: [p99('program', program), p99('target', target)],
  }
}

function seriesOf(
  cuts: readonly Cut[],
  work: string,
  end: 'programMs' | 'targetMs',
): readonly number[] {
  return cuts.flatMap((cut) => {
    const value = cut[end]
    return cut.action === work && value !== undefined ? [value] : []
  })
}
