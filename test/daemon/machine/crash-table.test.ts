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
type Setting = keyof typeof STEPS

/** What each kills after: routing and the redirect are the same whatever becomes of DNS. */
const STEPS = { port53: /./, resolv_conf: /\/etc\//, resolved: /^resolvectl/ }
/** One of so many steps, where not all are wanted: a step takes seconds. */
const STRIDE = process.env['UPDATE'] || process.env['ZT_FULL'] ? 1 : 7

type Row = Step & { readonly left: readonly string[] }

/** Kills after each of the steps chosen; everything else of the laptop works afterwards, and a start and undo, too. */
async function rowsOf(t: ExecutionContext, setting: Setting): Promise<readonly (Step | Row)[]> {
  const machine = await crashMachine(t, setting === 'resolved')
  const before = await stateOf(machine)
  const steps = await liveUntil(machine, setting, 0)
  t.deepEqual(await stateOf(machine), before, 'stopped, it leaves nothing')
  const rows: (Step | Row)[] = []
  for (const [index, step] of steps.entries()) {
    if (!STEPS[setting].test(step.what)) continue
    if (rows.length % STRIDE !== STRIDE - 1) {
      rows.push(step)
      continue
    }
    await liveUntil(machine, setting, index + 1)
    rows.push({ ...step, left: leftOf(before, await stateOf(machine)) })
    await worksAfter(t, { machine, setting, before }, `${setting}, ${step.phase}: ${step.what}`)
  }
  return rows
}

type Killed = { readonly machine: WholeMachine; readonly setting: Setting; readonly before: State }

async function worksAfter(
  t: ExecutionContext,
  { machine, setting, before }: Killed,
  step: string,
): Promise<void> {
  t.is(await look(machine, PUBLIC.name), PUBLIC.address, step)
  t.is(await wayTo(machine, PUBLIC.address), 'lan0', step)
  const again = await startMachinePart(machine, setting)
  t.is(again.said, setting, step)
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

/** The page with another table of this setting. */
function withTable(page: string, setting: Setting, rows: readonly string[]): string {
  const head = ['| while it | killed after | left |', '| --- | --- | --- |']
  const table = [headingOf(setting), '', ...head, ...rows, ''].join('\n')
  const [text = '', tables = ''] = page.split(MARKER)
  const others = tables.split(/^(?=## )/m).filter((one) => one.startsWith('## '))
  const all = [...others.filter((one) => !one.startsWith(headingOf(setting))), table]
  const printed = all.map((one) => one.trimEnd()).toSorted()
  return `${text}${MARKER}\n\n${printed.join('\n\n')}\n`
}

function headingOf(setting: Setting): string {
  return `## \`dns: ${setting}\``
}

function rowsOnPage(setting: Setting): readonly string[] {
  const page = readFileSync(PAGE, 'utf8')
  const table = page.split(/^(?=## )/m).find((one) => one.startsWith(headingOf(setting)))
  return table?.split('\n').filter((line) => /^\| (start|change|stop) /.test(line)) ?? []
}

for (const setting of ['port53', 'resolv_conf', 'resolved'] as const) {
  test.serial(
    `D5 T102: killed after any step with dns: ${setting}, it leaves what the page says`,
    async (t) => {
      t.timeout(600_000)
      const rows = (await rowsOf(t, setting)).map(print)
      if (process.env['UPDATE']) {
        writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), setting, rows))
      }
      const onPage = rowsOnPage(setting)
      const compared = rows.map((row, index) => onPage[index]?.slice(0, row.length))
      t.deepEqual(compared, rows)
      t.is(onPage.length, rows.length)
    },
  )
}
