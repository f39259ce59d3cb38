/** What goes into the archive of `zt doctor --bundle`: texts by file name, each redacted. Pure. */
import type { DaemonStatus } from '#lib/api/control-api'
import type { Finding } from '#lib/api/doctor-api'
import type { Setting } from '#lib/api/setting'
import type { MachineChange } from '../machine/journal.ts'
import { redactLine, redactValue } from './redact.ts'

export type BundleInput = {
  readonly findings: readonly Finding[]
  readonly status: DaemonStatus | undefined
  readonly settings: readonly Setting[]
  /** What the daemon did to this machine, oldest first. */
  readonly changes: readonly MachineChange[]
  /** What of ours the machine has now; undefined: nobody could look. */
  readonly applied: readonly string[] | undefined
  /** Recent lines of the daemon's log. */
  readonly logLines: readonly string[]
  readonly versions: Readonly<Record<string, string>>
}

/** Fields of the status that say what a person does, or are keys and addresses of prompts. */
const LEFT_OUT = ['prompts', 'userEmail', 'sshHostAuthorities', 'posture'] as const

/** Names fit `tarHead` of lib/evidence/tar.ts. */
export function bundleMembers(input: BundleInput): Readonly<Record<string, string>> {
  const { findings, status, settings, changes, applied, logLines, versions } = input
  return {
    'readme.txt': README,
    'findings.json': json(findings),
    'versions.json': json(versions),
    'settings.json': json(settings),
    ...(status === undefined ? {} : { 'status.json': json(withoutPerson(status)) }),
    'machine.json': json({ changes, applied: applied ?? 'unknown' }),
    'log.jsonl': logLines.map((line) => `${redactLine(line.trimEnd())}\n`).join(''),
  }
}

function withoutPerson(status: DaemonStatus): unknown {
  const left = LEFT_OUT as readonly string[]
  return Object.fromEntries(Object.entries(status).filter(([name]) => !left.includes(name)))
}

function json(value: unknown): string {
  return `${JSON.stringify(redactValue(value), undefined, 2)}\n`
}

const README = `What "zt doctor --bundle" found on one machine. Keys, tokens, passwords, cookies, mail addresses and paths of URLs
are blanked; names of hosts and networks are not. Read it before you send it on.
`
