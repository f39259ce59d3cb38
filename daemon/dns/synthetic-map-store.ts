/**
 * Keeps the synthetic map: `synthetic.map` in the state folder, 0600. The first line names the range, each other one
 * an entry: `number leased-until name`. Lines are appended as entries change; the file is written anew at start and
 * when it has grown. An unfinished last line is what a power cut leaves.
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '#lib/log'
import { parseHostName } from '#lib/net/host'
import { readStateFile, replaceStateFile } from '../state-file-os.ts'
import { createSyntheticMap, type SyntheticEntry, type SyntheticMap } from './synthetic-map.ts'
import { formatRange, type SyntheticRange } from './synthetic-range.ts'

const FORMAT = 'zt-synthetic-map-1'
const LINE = /^(\d{1,8}) (\d{1,16}) (\S{1,253})$/
/** Lines beyond those that are needed before the file is written anew. */
const SLACK_LINES = 10_000

/**
 * Opens the map of a range. A file of another range is dropped, a damaged one too, which is logged: addresses that
 * programs still hold may then serve other names.
 * @param folder exists. @throws {Error} when the file can be neither read nor written.
 */
export function openSyntheticMap(folder: string, range: SyntheticRange, log: Log): SyntheticMap {
  const file = join(folder, 'synthetic.map')
  const header = `${FORMAT} ${formatRange(range)}`
  const map = createSyntheticMap(range, load(file, header, log), keep)
  let lines = 0
  let isKept = true
  writeAll()

  function writeAll(): void {
    const all = [header, ...Array.from(map.entries(), print)].map((line) => `${line}\n`)
    replaceStateFile(file, all.join(''))
    lines = map.size
  }

  function keep(entry: SyntheticEntry): void {
    try {
      if (lines > 2 * map.size + SLACK_LINES) writeAll()
      appendFileSync(file, `${print(entry)}\n`)
      lines++
      isKept = true
    } catch (cause) {
      // A full disk must not take names away; what is lost is the memory of this one after a crash.
      if (isKept) log.warn({ file, cause: String(cause) }, 'synthetic addresses are not kept')
      isKept = false
    }
  }
  return map
}

function load(file: string, header: string, log: Log): readonly SyntheticEntry[] {
  const text = readStateFile(file)
  if (text === undefined) return []
  const [first, ...lines] = text.split('\n')
  // What follows the last line end was not written to its end.
  const entries = lines.slice(0, -1).map(parse)
  const whole = entries.filter((entry) => entry !== undefined)
  if (first === header && whole.length === entries.length) return whole
  const reason = first?.startsWith(`${FORMAT} `) && first !== header ? 'other_range' : 'damaged'
  log.warn({ file, reason }, 'synthetic addresses begin anew')
  return []
}

function print({ number, leasedUntilMs, name }: SyntheticEntry): string {
  return `${number} ${leasedUntilMs} ${name}`
}

function parse(line: string): SyntheticEntry | undefined {
  const [, number, leasedUntilMs, text = ''] = LINE.exec(line) ?? []
  const name = parseHostName(text)
  if (!name.ok) return undefined
  return { name: name.value, number: Number(number), leasedUntilMs: Number(leasedUntilMs) }
}
