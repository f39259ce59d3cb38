/** Where a daemon runs, as values: only main.ts reads argv, environment and machine. */
import type { Log } from '#lib/log'
import type { ProxyEnvironment } from './upstream/upstream-proxy.ts'

/** What main.ts has read from the machine. */
export type DaemonSurroundings = {
  readonly uid: number
  readonly machineName: string
  readonly version: string
  readonly platform: NodeJS.Platform
  readonly environment: ProxyEnvironment
  readonly log: Log
  /** Recent lines of that log. */
  readonly logLines: () => readonly string[]
}
