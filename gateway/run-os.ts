/**
 * The life of the gateway process: start, reload on SIGHUP, drain on SIGTERM or SIGINT, end at once on a second one.
 */
import type { Log } from '#lib/log'
import { err, type Result } from '#lib/result'
import { type Gateway, startGateway } from './gateway-server.ts'
import type { GatewaySettings, PolicySource } from './gateway-settings.ts'
import { type OpenedData, openData, type StartRefusal } from './open-data-os.ts'

/** A configuration that was understood. */
export type LoadedConfig = {
  /** Absolute path of the data directory. */
  readonly data: string
  readonly settings: GatewaySettings
  readonly policy: PolicySource
}

/** Reads the configuration, now; all mistakes as lines for a person. */
export type LoadConfig = () => Result<LoadedConfig, readonly string[]>

/** How the process ends. Stated in the help text. */
export const EXIT = { done: 0, mistakes: 1, usage: 2, cannotStart: 3, endedAtOnce: 4 } as const

/** How long flows may go on after SIGTERM, ms. */
const DRAIN_MS = 30_000

/** Runs until a signal ends it. @returns the exit code. */
export async function runGateway(load: LoadConfig, log: Log): Promise<number> {
  const config = load()
  if (!config.ok) {
    log.error({ mistakes: config.error }, 'the configuration has mistakes')
    return EXIT.mistakes
  }
  const data = openData(config.value.data, { log, now: Date.now })
  if (!data.ok) return refuse(log, data.error)
  try {
    const gateway = await start(config.value, data.value, log)
    if (!gateway.ok) return refuse(log, gateway.error)
    return await serve(gateway.value, config.value, load, log)
  } finally {
    data.value.store.close()
  }
}

function refuse(log: Log, { reason, message }: StartRefusal): number {
  log.error({ reason }, message)
  return EXIT.cannotStart
}

async function start(
  { settings, policy }: LoadedConfig,
  data: OpenedData,
  log: Log,
): Promise<Result<Gateway, StartRefusal>> {
  try {
    return await startGateway({ settings, policy, data, log, now: Date.now })
  } catch (error) {
    const isListen = error instanceof Error && 'syscall' in error && error.syscall === 'listen'
    if (!isListen) throw error
    return err({ reason: 'cannot_listen', message: error.message })
  }
}

/** Installs the signals, says that it is ready, and settles with the exit code when it may end. */
function serve(gateway: Gateway, first: LoadedConfig, load: LoadConfig, log: Log): Promise<number> {
  return new Promise((resolve) => {
    let isDraining = false
    const drain = (): void => {
      if (isDraining) {
        log.warn({}, 'ended at once by a second signal')
        resolve(EXIT.endedAtOnce)
        return
      }
      isDraining = true
      log.info({ deadlineMs: DRAIN_MS }, 'draining')
      gateway.drain(DRAIN_MS).then(
        () => resolve(EXIT.done),
        (error: unknown) => {
          log.error({ error: String(error) }, 'draining failed')
          resolve(EXIT.endedAtOnce)
        },
      )
    }
    process.on('SIGTERM', drain)
    process.on('SIGINT', drain)
    process.on('SIGHUP', () => {
      if (!isDraining) reload(gateway, first, load, log)
    })
    log.info({ addresses: gateway.addresses, revision: gateway.revision }, 'ready')
  })
}

function reload(gateway: Gateway, first: LoadedConfig, load: LoadConfig, log: Log): void {
  const config = load()
  if (!config.ok) {
    log.error(
      { mistakes: config.error, inForce: gateway.revision },
      'reload refused: the configuration has mistakes; the policy in force stays',
    )
    return
  }
  const { data, settings, policy } = config.value
  if (!isSame({ data, settings }, { data: first.data, settings: first.settings })) {
    log.warn({}, 'changes of the gateway section take effect at the next start')
  }
  try {
    const { revision, cutFlows } = gateway.reload(policy)
    log.info({ revision, cutFlows }, 'policy revision imported')
  } catch (error) {
    log.error(
      { error: String(error), inForce: gateway.revision },
      'reload failed: the revision cannot be stored; the policy in force stays',
    )
  }
}

/** By their text: URLs have no fields that could be compared. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
