import { readFileSync, writeFileSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import {
  crashMachine,
  leftOf,
  liveUntil,
  type State,
  type Step,
  stateOf,
} from '../../support/crash-lab.ts'
import { look, PUBLIC, startMachinePart, undo } from '../../support/machine-lab.ts'
import { wayTo } from '../../support/namespace-machine.ts'
import type { WholeMachine } from '../../support/whole-machine.ts'

const PAGE = 'docs/reference/crash.md'
const MARKER =
  '<!-- From here on made by the test that kills the daemon; UPDATE=1 writes it anew. -->'
/** One of so many steps, where not all are wanted: a step takes seconds. */
const STRIDE = process.env['UPDATE'] || process.env['ZT_FULL'] ? 1 : 7

type Case = {
  readonly dns: 'port53' | 'resolv_conf' | 'resolved'
  readonly machine: Parameters<typeof crashMachine>[1]
  /** What it kills after: routing and the redirect are the same whatever becomes of DNS. */
  readonly steps: RegExp
  /** Begun on a machine without ours, or on one that a daemon before locked. */
  readonly lockdown?: 'first' | 'again'
}

/** By the headings of the page. */
const CASES: Readonly<Record<string, Case>> = {
  '`dns: port53`': { dns: 'port53', machine: 'plain', steps: /./ },
  '`dns: resolv_conf`': { dns: 'resolv_conf', machine: 'plain', steps: /\/etc\// },
  '`dns: resolv_conf`, on a file that is mounted': {
    ...{ dns: 'resolv_conf', machine: 'mounted', steps: /\/etc\// },
  },
  '`dns: resolved`': { dns: 'resolved', machine: 'resolved', steps: /^resolvectl/ },
  '`lockdown`': { dns: 'port53', machine: 'plain', steps: /./, lockdown: 'first' },
  '`lockdown`, after a daemon with `lockdown`': {
    ...{ dns: 'port53', machine: 'plain', steps: /./, lockdown: 'again' },
  },
}

/** Prefixes that are private at some time, each with an address. */
const PRIVATE = {
  '10.0.0.0/9': '10.1.2.3',
  '172.16.0.0/12': '172.16.1.1',
  'fd00:1::/48': 'fd00:1::7',
}
/** It is private all the time. */
const ALWAYS = '10.0.0.0/9'

type Row = Step & { readonly left: readonly string[] }

const argumentsOf = ({ dns, lockdown }: Case): string => (lockdown ? `${dns} lockdown` : dns)

/** Kills after each of the steps chosen; everything else of the laptop works afterwards, and a start and undo, too. */
async function rowsOf(t: ExecutionContext, one: Case): Promise<readonly (Step | Row)[]> {
  const machine = await crashMachine(t, one.machine)
  const before = await stateOf(machine)
  if (one.lockdown === 'again') await liveUntil(machine, argumentsOf(one), 0)
  const steps = await liveUntil(machine, argumentsOf(one), 0)
  if (one.lockdown === undefined) {
    t.deepEqual(await stateOf(machine), before, 'stopped, it leaves nothing')
  } else await undo(machine)
  const rows: (Step | Row)[] = []
  for (const [index, step] of steps.entries()) {
    if (!one.steps.test(step.what)) continue
    if (rows.length % STRIDE !== STRIDE - 1) {
      rows.push(step)
      continue
    }
    if (one.lockdown === 'again') await liveUntil(machine, argumentsOf(one), 0)
    await liveUntil(machine, argumentsOf(one), index + 1)
    const left = leftOf(before, await stateOf(machine))
    rows.push({ ...step, left: [...left, ...(await lockedAfter(t, machine, { one, step }))] })
    await worksAfter(t, { machine, one, before }, `${step.phase}: ${step.what}`)
  }
  return rows
}

/** What is refused; what is private all the time is, once it was. */
async function lockedAfter(
  t: ExecutionContext,
  machine: WholeMachine,
  { one, step }: { readonly one: Case; readonly step: Step },
): Promise<readonly string[]> {
  if (one.lockdown === undefined) return []
  const locked: string[] = []
  for (const [prefix, address] of Object.entries(PRIVATE)) {
    if (/No route to host|unreachable/.test(await wayTo(machine, address))) locked.push(prefix)
  }
  const isFirstStart = one.lockdown === 'first' && step.phase === 'start'
  t.true(isFirstStart || locked.includes(ALWAYS), `${step.phase}: ${step.what}`)
  return locked.length > 0 ? [`lockdown of ${locked.join(' and ')}`] : []
}

type Killed = { readonly machine: WholeMachine; readonly one: Case; readonly before: State }

async function worksAfter(
  t: ExecutionContext,
  { machine, one, before }: Killed,
  step: string,
): Promise<void> {
  t.is(await look(machine, PUBLIC.name), PUBLIC.address, step)
  t.is(await wayTo(machine, PUBLIC.address), 'lan0', step)
  const again = await startMachinePart(machine, argumentsOf(one))
  t.is(again.said, one.dns, step)
  t.regex(await look(machine, 'wiki.corp.internal'), /^100\.80\./, step)
  await again.kill()
  t.is((await undo(machine)).code, 0, step)
  t.deepEqual(await stateOf(machine), before, step)
}

/** A line of the table; without its end where what is left was not looked at. */
function print(row: Step | Row): string {
  const begin = `| ${row.phase} | \`${row.what}\` | `
  return 'left' in row ? `${begin}${row.left.join(', ') || '–'} |` : begin
}

const headingOf = (name: string): string => `## ${name}\n`

/** The page with another table under this heading. */
function withTable(page: string, name: string, rows: readonly string[]): string {
  const head = ['| while it | killed after | left |', '| --- | --- | --- |']
  const table = [headingOf(name), ...head, ...rows, ''].join('\n')
  const [text = '', tables = ''] = page.split(MARKER)
  const others = tables.split(/^(?=## )/m).filter((one) => one.startsWith('## '))
  const all = [...others.filter((one) => !one.startsWith(headingOf(name))), table]
  const printed = all.map((one) => one.trimEnd()).toSorted()
  return `${text}${MARKER}\n\n${printed.join('\n\n')}\n`
}

function rowsOnPage(name: string): readonly string[] {
  const page = readFileSync(PAGE, 'utf8')
  const table = page.split(/^(?=## )/m).find((one) => one.startsWith(headingOf(name)))
  return table?.split('\n').filter((line) => /^\| (start|change|stop) /.test(line)) ?? []
}

for (const [name, one] of Object.entries(CASES)) {
  test.serial(
    `D5 D13 T102: killed after any step, ${name}, it leaves what the page says`,
    async (t) => {
      t.timeout(process.env['UPDATE'] ? 1_200_000 : 600_000)
      const rows = (await rowsOf(t, one)).map(print)
      if (process.env['UPDATE']) {
        writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), name, rows))
      }
      const onPage = rowsOnPage(name)
      const compared = rows.map((row, index) => onPage[index]?.slice(0, row.length))
      t.deepEqual(compared, rows)
      t.is(onPage.length, rows.length)
    },
  )
}
