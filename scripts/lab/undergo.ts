/**
 * Lets one event happen to a laptop while a program there keeps a connection and opens others, and tells what it and
 * `zt status` saw.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { daemonAt } from '../../cli/daemon-client.ts'
import { type LabProcess, startProcess } from './child-process.ts'
import { type LaptopEvent, outlast } from './laptop-events.ts'
import { STREAM_PORT } from './live-flows.ts'
import type { Organisation } from './organisation.ts'
import { demoPolicy, hostOf, NAMES } from './policy-texts.ts'
import { program } from './programs.ts'

/** What was seen of one event. */
export type Seen = {
  /** From its end to the first new connection that carried data, milliseconds. */
  readonly recoveredMs: number
  readonly openFlow: 'went on' | 'ended'
  /** Outcomes of connections that came while it lasted and before data passed again. */
  readonly outcomes: ReadonlySet<string>
  /** Each "state (reason)" of `zt status`, in order, without repetition. */
  readonly statuses: readonly string[]
}

/** How often the program opens a connection, and the status is looked at. */
const EVERY_MS = 100
/** A flow whose connection is dead has ended by then. */
const END_WITHIN_MS = 20_000

/** A policy in which the program's target may be reached. */
export function streamPolicy({ policyInput }: Organisation): string {
  const { lab, emailDomain } = policyInput
  return demoPolicy({
    ...policyInput,
    extraApplications: `    - name: stream
      destinations: ["${hostOf(lab, NAMES.denied)}:${STREAM_PORT}", "${lab.target}:${STREAM_PORT}"]
      policies: [{ name: staff, decision: allow, include: [{ email_domain: ${emailDomain} }] }]
`,
  })
}

let runs = 0

/** @throws {Error} when data does not pass again in time, or the event cannot be brought about. */
export async function undergo(organisation: Organisation, event: LaptopEvent): Promise<Seen> {
  const logFile = join(organisation.folder, `flow-watch-${++runs}.log`)
  const watch = await startWatch(organisation, logFile)
  const statuses = watchStatus(organisation)
  try {
    const begunAtMs = Date.now()
    await event.begin(organisation)
    await outlast(event)
    await event.end(organisation)
    const endedAtMs = Date.now()
    const isBack = (line: Line): boolean =>
      line.new === 'ok' && line.atMs >= endedAtMs && (line.startedAtMs ?? 0) >= begunAtMs
    const back = await lineWhere(watch, logFile, isBack)
    const last = await lineWhere(watch, logFile, (line) => settles(line, event, back.atMs))
    const during = (line: Line): boolean =>
      (line.startedAtMs ?? 0) >= begunAtMs && line.atMs <= back.atMs
    return {
      recoveredMs: back.atMs - endedAtMs,
      openFlow: last.open === 'ended' ? 'ended' : 'went on',
      outcomes: new Set(linesOf(logFile).flatMap((line) => (during(line) ? (line.new ?? []) : []))),
      statuses: statuses.stop(),
    }
  } finally {
    statuses.stop()
    await watch.stop()
  }
}

type Line = {
  readonly atMs: number
  readonly open?: 'alive' | 'ended'
  readonly new?: string
  readonly startedAtMs?: number
}

/** What says how the kept connection came out of it. */
function settles({ open, atMs }: Line, { openFlows }: LaptopEvent, backAtMs: number): boolean {
  return open === 'ended' || (open === 'alive' && openFlows === 'go on' && atMs > backAtMs)
}

function startWatch({ lab, proxy }: Organisation, logFile: string): Promise<LabProcess> {
  const target = [hostOf(lab, NAMES.denied), String(STREAM_PORT)]
  const argv = program('scripts/lab/flow-watch-process.js')
  return startProcess({
    argv: [...lab.inLaptop, ...argv, String(proxy.port), ...target, String(EVERY_MS)],
    logFile,
    readyWhen: /^ready/,
  })
}

function linesOf(logFile: string): readonly Line[] {
  const lines = readFileSync(logFile, 'utf8').split('\n')
  return lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []))
}

/** The first line that fits, of those that were written and those to come. */
async function lineWhere(
  watch: LabProcess,
  logFile: string,
  fits: (line: Line) => boolean,
): Promise<Line> {
  const giveUpAtMs = Date.now() + END_WITHIN_MS
  for (;;) {
    const found = linesOf(logFile).find(fits)
    if (found !== undefined) return found
    await watch.nextLine(/^\{/, Math.max(1, giveUpAtMs - Date.now()))
  }
}

function watchStatus({ control }: Organisation) {
  const ask = daemonAt(control)
  const seen: string[] = []
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const look = async (): Promise<void> => {
    const answer = await ask({ method: 'status' })
    if (isOver) return
    if (answer.ok && answer.value.method === 'status') {
      const { state, reason } = answer.value.status
      const text = reason === undefined ? state : `${state} (${reason})`
      if (seen.at(-1) !== text) seen.push(text)
    }
    timer = setTimeout(() => look().catch(() => undefined), EVERY_MS)
  }
  look().catch(() => undefined)
  return {
    stop(): readonly string[] {
      isOver = true
      clearTimeout(timer)
      return seen
    },
  }
}
