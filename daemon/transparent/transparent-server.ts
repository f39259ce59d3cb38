/**
 * Transparent mode: what programs send to private destinations comes out of a TUN device and goes into flows. It follows
 * the settings, one change after the other, and when a change fails it ends: the machine is never left half changed.
 */
import type { TransparentStatus } from '#lib/api/control-api'
import type { Log } from '#lib/log'
import { formatAddress } from '#lib/net/address'
import { formatPrefix } from '#lib/net/prefix'
import type { Result } from '#lib/result'
import type { DaemonConfig } from '../config.ts'
import { resolveHost } from '../direct-client.ts'
import type { InterceptDeps } from '../intercept/intercept-deps.ts'
import type { OpenDatagrams, OpenFlow } from '../listen/open-flow.ts'
import type { Wanted } from '../machine/plan.ts'
import type { TransparentWish } from '../settings.ts'
import type { Failure } from './failure.ts'
import { type TakenOver, takeOver } from './take-over-os.ts'
import { isSameDevice, wantedOf } from './wanted.ts'

export type TransparentOptions = {
  readonly config: Pick<DaemonConfig, 'tunName' | 'allowUsers'>
  /** What is ours now; undefined while nothing is known. */
  readonly wish: () => TransparentWish | undefined
  readonly openFlow: OpenFlow
  readonly openDatagrams: OpenDatagrams
  readonly log: Log
}

export interface Transparent {
  readonly status: TransparentStatus
  /** Goes over to what is wished now. */
  refresh(): void
  /** Gives everything back. */
  stop(): Promise<void>
}

type Running = { readonly wanted: Wanted; readonly taken: TakenOver }

/** It begins with the first `refresh` that finds something wished. */
export function createTransparent(options: TransparentOptions): Transparent {
  const { log } = options
  let running: Running | undefined
  let refused: Failure | undefined
  let isStopped = false
  let last: Promise<void> = Promise.resolve()

  async function goOver(): Promise<void> {
    const wanted = isStopped ? undefined : await currentlyWanted(options)
    const done = wanted && (await goOverTo(wanted))
    refused = done?.ok === false ? done.error : undefined
    if (refused !== undefined) log.error(refused, 'transparent mode refused')
    if (done?.ok !== true) await end()
  }

  async function goOverTo(wanted: Wanted): Promise<Result<unknown, Failure>> {
    if (running !== undefined && isSameDevice(running.wanted, wanted)) {
      const rerouted = await running.taken.reroute(wanted)
      running = { ...running, wanted }
      return rerouted
    }
    await end()
    const taken = await takeOver(wanted, { ...interceptDeps(options), onLost })
    if (taken.ok) running = { wanted, taken: taken.value }
    return taken
  }

  async function end(): Promise<void> {
    const ending = running
    running = undefined
    await ending?.taken.close()
  }

  function onLost(what: string): void {
    log.warn({ what }, 'transparent mode starts anew')
    void queue(async () => {
      await end()
      await goOver()
    })
  }

  function queue(work: () => Promise<void>): Promise<void> {
    last = last.then(work).catch((cause: unknown) => {
      refused = { reason: 'change_failed', detail: String(cause) }
      log.error(refused, 'transparent mode failed')
    })
    return last
  }

  return {
    get status() {
      return statusOf(running?.taken, refused)
    },
    refresh: () => void queue(goOver),
    stop: () => {
      isStopped = true
      return queue(end)
    },
  }
}

async function currentlyWanted({ wish, config }: TransparentOptions): Promise<Wanted | undefined> {
  const wished = wish()
  if (wished === undefined) return undefined
  const found = await Promise.all(wished.gatewayHosts.map(resolveHost))
  const outside = found.flatMap((one) => (one.ok ? one.value : []))
  return wantedOf(wished, config, outside)
}

function interceptDeps({ openFlow, openDatagrams, log }: TransparentOptions): InterceptDeps {
  return {
    ...{ openFlow, openDatagrams, log },
    targetOf: (address, port) => ({ host: formatAddress(address), port }),
    answerQuery: async () => undefined,
    resolverAddresses: [],
  }
}

function statusOf(taken: TakenOver | undefined, refused: Failure | undefined): TransparentStatus {
  if (refused !== undefined) return { state: 'refused', ...refused }
  if (taken === undefined) return { state: 'off' }
  const { interception, leftOut } = taken
  const { packets, dropped, open } = interception.counters
  return {
    state: 'on',
    mode: interception.mode,
    ...(interception.warning !== undefined && { detail: interception.warning }),
    leftOut: leftOut.map(({ prefix, reason }) => `${formatPrefix(prefix)} (${reason})`),
    counters: { packets, dropped: { ...dropped }, open: { ...open } },
  }
}
