#!/usr/bin/env node
/**
 * `zt-daemon`: reads argv, environment and the configuration file, starts the daemon, stops it on a signal.
 */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { DEFAULT_PROXY_PORT, type DefaultPaths, defaultPaths } from '#lib/api/default-paths'
import { productVersion } from '#lib/api/product-version-os'
import { homeFolder } from '#lib/home-os'
import { ok, type Result } from '#lib/result'
import { useBulkBuffers } from '#lib/tunnel/bulk-buffers-os'
import { EXIT, HELP, parseCommandLine, type Wanted } from './arguments.ts'
import {
  type ConfigMistake,
  completeConfig,
  type DaemonConfig,
  decodeSettings,
  type WrittenSettings,
} from './config.ts'
import { type Daemon, startDaemon } from './daemon-server.ts'
import { consultAlone } from './doctor/alone-client.ts'
import { runInside } from './inside/inside-server.ts'
import { printRefusal } from './inside/refusal.ts'
import { openLog, stderrAnd } from './log-os.ts'
import { removeLeftovers } from './machine/leftovers-os.ts'
import { RecentLines } from './recent-lines.ts'

const env = process.env
/** Windows has no uid; the daemon's checks need one. */
const uid = process.getuid?.() ?? -1

function complain(mistakes: readonly ConfigMistake[]): void {
  for (const { place, message } of mistakes) process.stderr.write(`${place}: ${message}\n`)
}

function readSettings(file: string | undefined): Result<WrittenSettings, readonly ConfigMistake[]> {
  return file === undefined ? ok({}) : decodeSettings(readFileSync(file, 'utf8'), file)
}

function configOf(wanted: Extract<Wanted, { readonly flags: unknown }>): DaemonConfig | undefined {
  const written = readSettings(wanted.configFile)
  if (!written.ok) {
    complain(written.error)
    return undefined
  }
  const plain = defaultPaths({ uid, home: homeFolder() })
  return completeConfig(
    {
      state: plain.stateDir,
      control: plain.controlPath,
      proxy: `127.0.0.1:${DEFAULT_PROXY_PORT}`,
      owner_uid: uid,
    },
    { source: 'environment', settings: pathsOfEnvironment(plain) },
    { source: 'file', settings: written.value },
    { source: 'flag', settings: wanted.flags },
  )
}

/** Paths that the environment names, where they are others than without it. */
function pathsOfEnvironment(plain: DefaultPaths): WrittenSettings {
  const named = defaultPaths({
    uid,
    home: homeFolder(),
    runtimeDir: env['XDG_RUNTIME_DIR'],
    stateHome: env['XDG_STATE_HOME'],
  })
  return {
    ...(named.stateDir !== plain.stateDir && { state: named.stateDir }),
    ...(named.controlPath !== plain.controlPath && { control: named.controlPath }),
  }
}

async function run(config: DaemonConfig): Promise<number> {
  const recent = new RecentLines()
  const log = openLog(stderrAnd(recent))
  const surroundings = {
    uid,
    machineName: hostname(),
    version: productVersion(),
    platform: process.platform,
    environment: env,
    log,
    logLines: () => recent.lines,
  }
  useBulkBuffers()
  const started = await startDaemon(config, surroundings)
  if (!started.ok) {
    log.error({ reason: started.error.reason }, 'cannot start')
    process.stderr.write(`zt-daemon: ${started.error.detail} (${started.error.reason})\n`)
    return EXIT.failed
  }
  const { proxyPort, controlPath } = started.value
  const stopped = untilSignal(started.value)
  log.info({ proxy: { host: '127.0.0.1', port: proxyPort }, control: controlPath }, 'ready')
  log.info({ signal: await stopped }, 'stopped')
  return EXIT.ok
}

/** Its few programs each have a bound of their own; this one is for all of them. */
const UNDO_LIMIT_MS = 30_000

async function undo(keepLockdown: boolean): Promise<number> {
  const keep = keepLockdown ? 'lockdown' : 'nothing'
  const done = await removeLeftovers(AbortSignal.timeout(UNDO_LIMIT_MS), keep)
  if (!done.ok) {
    process.stderr.write(`zt-daemon: ${done.error.detail} (${done.error.reason})\n`)
    return EXIT.failed
  }
  const { done: removed, failed } = done.value
  for (const line of removed) process.stdout.write(`${line}\n`)
  complain(failed.map(({ line, complaint }) => ({ place: line, message: complaint })))
  return failed.length === 0 ? EXIT.ok : EXIT.failed
}

/** Exit code of a program that was not run, as of env(1) and timeout(1). */
const NOT_RUN = 125

async function inside(options: Extract<Wanted, { readonly command: 'inside' }>): Promise<number> {
  useBulkBuffers()
  const ended = await runInside({ ...options, uid })
  if (ended.ok) return ended.value
  process.stderr.write(printRefusal(ended.error))
  return NOT_RUN
}

/** What the daemon would answer to `zt doctor`, as far as this user may see it: one line of JSON. */
async function doctor(config: DaemonConfig, bundle: boolean): Promise<number> {
  const report = await consultAlone(config, { version: productVersion(), environment: env, bundle })
  process.stdout.write(`${JSON.stringify(report)}\n`)
  return EXIT.ok
}

/** Settles when the daemon has stopped; a second signal ends it at once. */
function untilSignal(daemon: Daemon): Promise<string> {
  return new Promise((resolve) => {
    const stop = (signal: string): void => {
      process.once('SIGTERM', () => process.exit(EXIT.ok))
      process.once('SIGINT', () => process.exit(EXIT.ok))
      daemon.stop().then(
        () => resolve(signal),
        () => process.exit(EXIT.failed),
      )
    }
    let isStopping = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        if (!isStopping) stop(signal)
        isStopping = true
      })
    }
  })
}

async function main(): Promise<number> {
  const wanted = parseCommandLine(process.argv.slice(2))
  if (!wanted.ok) {
    complain(wanted.error)
    return EXIT.usage
  }
  if (wanted.value.command === 'help') process.stdout.write(HELP)
  if (wanted.value.command === 'version') process.stdout.write(`${productVersion()}\n`)
  if (wanted.value.command === 'undo') return undo(wanted.value.keepLockdown)
  if (wanted.value.command === 'inside') return inside(wanted.value)
  if (wanted.value.command === 'help' || wanted.value.command === 'version') return EXIT.ok
  const config = configOf(wanted.value)
  if (config === undefined) return EXIT.usage
  return wanted.value.command === 'run' ? run(config) : doctor(config, wanted.value.bundle)
}

try {
  process.exitCode = await main()
} catch (failure) {
  const cause = failure instanceof Error ? failure.message : String(failure)
  process.stderr.write(`zt-daemon: ${cause}\n`)
  // Listeners that stood before it failed would keep the process.
  process.exit(EXIT.failed)
}
