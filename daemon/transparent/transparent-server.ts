/**
 * Transparent mode: what programs send to private destinations comes out of a TUN device and goes into flows. It follows
 * the settings, one change after the other, and when a change fails it ends: the machine is never left half changed.
 */
import type { TransparentStatus } from '#lib/api/control-api'
import type { DnsServer } from '#lib/dns/server'
import type { Log } from '#lib/log'
import type { Result } from '#lib/result'
import type { DaemonConfig } from '../config.ts'
import type { DeviceNames } from '../device-names-client.ts'
import { resolveHost } from '../direct-client.ts'
import type { InterceptDeps } from '../intercept/intercept-deps.ts'
import type { OpenDatagrams, OpenFlow } from '../listen/open-flow.ts'
import { systemNameservers } from '../machine/dns-takeover-os.ts'
import { type MachineChange, MachineJournal, type NoteChange } from '../machine/journal.ts'
import type { TransparentWish } from '../settings.ts'
import type { Failure } from './failure.ts'
import { transparentStatus } from './status.ts'
import { type TakenOver, takeOver } from './take-over-os.ts'
import { isSameDevice, type Wish, wishOf } from './wish.ts'

export type TransparentOptions = {
  readonly config: Pick<DaemonConfig, 'tunName' | 'allowUsers' | 'dns'>
  /** What is ours now; undefined while nothing is known. */
  readonly wish: () => TransparentWish | undefined
  readonly openFlow: OpenFlow
  readonly openDatagrams: OpenDatagrams
  readonly names: DeviceNames
  readonly log: Log
  /** How long after a refusal it is tried again, milliseconds; default 30 s. */
  readonly againMs?: number
}

export interface Transparent {
  readonly status: TransparentStatus
  /** Name servers of this machine without ours; undefined: those that /etc/resolv.conf names. */
  readonly nameServers: readonly DnsServer[] | undefined
  /** What was done to the machine, oldest first. */
  readonly changes: readonly MachineChange[]
  /** Goes over to what is wished now. */
  refresh(): void
  /** Gives everything back, but for what lockdown refuses. */
  stop(): Promise<void>
}

/** Most of what refuses goes away without a word: a VPN that ends, a module that is loaded. */
const AGAIN_MS = 30_000

type Running = { readonly wish: Wish; readonly taken: TakenOver }

/** It begins with the first `refresh` that finds something wished. */
export function createTransparent(options: TransparentOptions): Transparent {
  const { log, againMs = AGAIN_MS } = options
  const journal = new MachineJournal()
  const note: NoteChange = (part, changed) => journal.note(part, changed, Date.now())
  let running: Running | undefined
  let refused: Failure | undefined
  let isStopped = false
  let last: Promise<void> = Promise.resolve()
  let again: NodeJS.Timeout | undefined

  async function goOver(): Promise<void> {
    if (isStopped) return
    const wish = await currentWish(options)
    const done = wish && (await goOverTo(wish))
    if (done?.ok === false) refuse(done.error, 'transparent mode refused')
    else refused = undefined
    // Lockdown holds after a failure; who is logged out is locked no more.
    if (done?.ok !== true) await end(wish === undefined ? 'open' : 'locked')
  }

  async function goOverTo(wish: Wish): Promise<Result<unknown, Failure>> {
    if (running !== undefined && isSameDevice(running.wish, wish)) {
      running = { ...running, wish }
      return running.taken.change(wish)
    }
    await end('locked')
    const taken = await takeOver(wish, { ...interceptDeps(options), onLost, note })
    if (taken.ok) running = { wish, taken: taken.value }
    return taken
  }

  async function end(how: 'locked' | 'open'): Promise<void> {
    const ending = running
    running = undefined
    await ending?.taken.close(how)
  }

  function onLost(what: 'nft_table' | 'names'): void {
    if (what === 'names') return void refresh()
    log.warn({ what }, 'transparent mode starts anew')
    void queue(async () => {
      await end('locked')
      await goOver()
    })
  }

  function queue(work: () => Promise<void>): Promise<void> {
    clearTimeout(again)
    last = last
      .then(work)
      .catch((cause: unknown) => {
        fail(cause)
        return end('locked').catch(fail)
      })
      .finally(() => {
        clearTimeout(again)
        if (refused !== undefined && !isStopped) again = setTimeout(refresh, againMs).unref()
      })
    return last
  }

  function fail(cause: unknown): void {
    refuse({ reason: 'change_failed', detail: String(cause) }, 'transparent mode failed')
  }

  /** What it says again and again is no news. */
  function refuse(failure: Failure, message: string): void {
    const isNews = refused?.reason !== failure.reason || refused.detail !== failure.detail
    refused = failure
    if (isNews) log.error(failure, message)
  }

  function refresh(): void {
    void queue(goOver)
  }

  return {
    get status() {
      return transparentStatus({ taken: running?.taken, refused, names: options.names })
    },
    get nameServers() {
      return running?.taken.names.nameServers
    },
    get changes() {
      return journal.entries
    },
    refresh,
    stop: () => {
      isStopped = true
      return queue(() => end('locked'))
    },
  }
}

async function currentWish({ wish, config, names }: TransparentOptions): Promise<Wish | undefined> {
  const wished = wish()
  if (wished === undefined) return undefined
  const found = await Promise.all(wished.outsideHosts.map(resolveHost))
  // Without a list of name servers there are none to go round.
  const nameServers = await systemNameservers().catch(() => [])
  const outside = [...found.flatMap((one) => (one.ok ? one.value : [])), ...nameServers]
  return wishOf(wished, config, { resolver: names.resolverAddresses, outside })
}

function interceptDeps(options: TransparentOptions): InterceptDeps {
  const { openFlow, openDatagrams, names, log } = options
  const { targetOf, answer: answerQuery, resolverAddresses } = names
  return { openFlow, openDatagrams, log, targetOf, answerQuery, resolverAddresses }
}
