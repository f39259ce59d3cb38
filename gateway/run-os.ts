/**
 * The life of the gateway process: start, reload on SIGHUP, drain on SIGTERM or SIGINT, end at once on a second one.
 */
import type { Log } from '#lib/log'
import { err, type Result } from '#lib/result'
import { useBulkBuffers } from '#lib/tunnel/bulk-buffers-os'
import { type ConfigMistake, formatMistakes } from './config.ts'
import { type LoadedConfig, loadConfig } from './config-store.ts'
import { loadConfigApart } from './config-thread-os.ts'
import { EXIT } from './exit-codes.ts'
import { useFipsTls } from './fips-tls-os.ts'
import { startGateway } from './gateway-server.ts'
import { type OpenedData, openData, type StartRefusal } from './open-data-os.ts'
import type { Gateway } from './running-gateway-job.ts'

/** How long flows may go on after SIGTERM, ms. */
const DRAIN_MS = 30_000

/** Runs until a signal ends it. @returns the exit code. */
export async function runGateway(configFile: string, log: Log): Promise<number> {
  const onHangup = holdHangups()
  const config = await loadConfig(configFile)
  if (!config.ok) {
    log.error({ mistakes: linesOf(config.error) }, 'the configuration has mistakes')
    return EXIT.mistakes
  }
  warn(log, config.value)
  const fips = config.value.gateway.fips === true
  if (fips) useFipsTls()
  const data = openData(config.value.gateway.data, { log, now: Date.now, fips })
  if (!data.ok) return refuse(log, data.error)
  try {
    const gateway = await start(config.value, data.value, log)
    if (!gateway.ok) return refuse(log, gateway.error)
    return await serve(gateway.value, { configFile, first: config.value, log, onHangup })
  } finally {
    data.value.store.close()
  }
}

function refuse(log: Log, { reason, message }: StartRefusal): number {
  log.error({ reason }, message)
  return EXIT.cannotStart
}

function warn(log: Log, { warnings }: LoadedConfig): void {
  if (warnings.length > 0)
    log.warn({ warnings: linesOf(warnings) }, 'the policy may not say what is meant')
}

function linesOf(mistakes: readonly ConfigMistake[]): string[] {
  return formatMistakes(mistakes).split('\n')
}

async function start(
  { gateway, policy, policyText }: LoadedConfig,
  data: OpenedData,
  log: Log,
): Promise<Result<Gateway, StartRefusal>> {
  const source = { text: policyText, document: policy }
  try {
    useBulkBuffers()
    return await startGateway({ config: gateway, policy: source, data, log, now: Date.now })
  } catch (error) {
    const isListen = error instanceof Error && 'syscall' in error && error.syscall === 'listen'
    if (!isListen) throw error
    return err({ reason: 'cannot_listen', message: error.message })
  }
}

type Running = {
  readonly configFile: string
  /** What the gateway was started with. */
  readonly first: LoadedConfig
  readonly log: Log
  /** Calls `listener` at each SIGHUP, and at once if there was one before. */
  readonly onHangup: (listener: () => void) => void
}

/** A SIGHUP during the start must neither end the process nor get lost. */
export function holdHangups(): Running['onHangup'] {
  let isPending = false
  let take = (): void => {
    isPending = true
  }
  process.on('SIGHUP', () => take())
  return (listener) => {
    take = listener
    if (isPending) listener()
  }
}

/** Installs the signals, says that it is ready, and settles with the exit code when the process may end. */
export function serve(gateway: Gateway, running: Running): Promise<number> {
  const { log } = running
  return new Promise((resolve) => {
    let isDraining = false
    let reloading = Promise.resolve()
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
    log.info({ addresses: gateway.addresses, revision: gateway.revision }, 'ready')
    running.onHangup(() => {
      // One after the other, so that the last signal's file is the one in force.
      if (!isDraining) reloading = reloading.then(() => reload(gateway, running))
    })
  })
}

/** Never rejects: what cannot be put in force leaves the policy in force as it is, and says so. */
async function reload(gateway: Gateway, { configFile, first, log }: Running): Promise<void> {
  try {
    const config = await loadConfigApart(configFile)
    if (!config.ok) {
      log.error(
        { mistakes: linesOf(config.error), inForce: gateway.revision },
        'reload refused: the configuration has mistakes; the policy in force stays',
      )
      return
    }
    if (gatewayText(config.value) !== gatewayText(first)) {
      log.warn({}, 'changes of the gateway section take effect at the next start')
    }
    warn(log, config.value)
    const { policy, policyText } = config.value
    const { revision, cutFlows } = await gateway.reload(
      { text: policyText, document: policy },
      config.value.gateway.history,
    )
    log.info({ revision, cutFlows }, 'policy revision imported')
  } catch (error) {
    log.error(
      { error: String(error), inForce: gateway.revision },
      'reload failed: the policy in force stays',
    )
  }
}

/** Of the gateway section what a reload leaves as it is. */
function gatewayText({ gateway: { history: _, ...gateway } }: LoadedConfig): string {
  return JSON.stringify({ ...gateway, hosts: [...gateway.hosts] })
}
