/**
 * Leads questions for names of ours to our resolver. Names are not all there is: where no way is open traffic by address
 * is taken all the same, and the status says why names are not.
 */
import { networkInterfaces } from 'node:os'
import type { DnsServer } from '#lib/dns/server'
import type { Log } from '#lib/log'
import { type IpAddress, parseAddress } from '#lib/net/address'
import { err, type Result } from '#lib/result'
import type { AnswerQuery } from '../dns/resolver.ts'
import { startResolverServer } from '../dns/resolver-server.ts'
import type { DnsMode, DnsRefusal, DnsWanted } from '../machine/dns-plan.ts'
import { type DnsTakeover, takeOverDns } from '../machine/dns-takeover-os.ts'
import type { NoteChange } from '../machine/journal.ts'

export type NamesWish = Omit<DnsWanted, 'loopbackPort'>

/** How it stands: the way that was taken, with whom it leaves out or why a better one was not; or why none is open. */
export type NamesState = ({ readonly mode: DnsMode } & Partial<DnsRefusal>) | DnsRefusal

export interface LedNames {
  readonly state: NamesState
  /** Servers of the machine without ours; undefined: those that /etc/resolv.conf names. */
  readonly nameServers: readonly DnsServer[] | undefined
  /** Goes over to other zones; a way that was lost is looked for anew. */
  change(wish: NamesWish): Promise<void>
  close(): Promise<void>
}

export type NamesDeps = {
  readonly answerQuery: AnswerQuery
  readonly note: NoteChange
  /** The way was lost; a change to the same names takes one anew. */
  readonly onLost: () => void
  readonly log: Log
}

const NOT_LED = err({ reason: 'dns_not_taken', detail: 'the way before was given back' })
/** systemd-resolved and nft answer within milliseconds. */
const CHANGE_TIMEOUT_MS = 10_000

/** The resolver must answer on its addresses in the TUN. @throws {Error} when it cannot listen on loopback, too. */
export async function leadNames(
  wish: NamesWish,
  { answerQuery, note, onLost, log }: NamesDeps,
): Promise<LedNames> {
  const addresses = loopbackAddresses()
  const loopback = await startResolverServer({ addresses, port: 0, answer: answerQuery })
  const take = async (wanted: NamesWish) => {
    const led = await takeOverDns({ ...wanted, loopbackPort: loopback.port }, log, soon())
    if (!led.ok) return led
    note('names', { done: [ledBy(led.value, wanted)] })
    void led.value.gone?.then(onLost)
    return led
  }
  let taken: Result<DnsTakeover, DnsRefusal> = await take(wish).catch(async (cause: unknown) => {
    await loopback.close()
    throw cause
  })
  if (!taken.ok) log.warn(taken.error, 'names are not led here')

  async function undo(): Promise<void> {
    if (!taken.ok) return
    await taken.value.undo(soon())
    note('names', { done: [`no ${taken.value.mode}`] })
  }

  return {
    get state() {
      return taken.ok ? (taken.value.lost() ?? stateOf(taken.value)) : taken.error
    },
    get nameServers() {
      return taken.ok ? taken.value.upstreams() : undefined
    },
    change: async (next) => {
      if (taken.ok && taken.value.lost() === undefined) {
        const wanted = { ...next, loopbackPort: loopback.port }
        const changed = await taken.value.change(wanted, soon())
        if (changed.ok) return note('names', { done: [ledBy(taken.value, wanted)] })
      }
      await undo()
      // Nothing is led here any more, should what comes now fail.
      taken = NOT_LED
      taken = await take(next)
    },
    close: () => undo().finally(() => loopback.close()),
  }
}

function ledBy({ mode }: DnsTakeover, { domains }: NamesWish): string {
  return `${mode} for ${domains.join(' ')}`
}

function stateOf({ mode, leftOut, passedOver: [first] }: DnsTakeover): NamesState {
  const why = leftOut?.() ?? first
  return why === undefined ? { mode } : { mode, reason: why.reason, detail: why.detail }
}

/** ::1 only where IPv6 is on. */
function loopbackAddresses(): readonly IpAddress[] {
  const here = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const all = ['127.0.0.1', ...(here.some(({ address }) => address === '::1') ? ['::1'] : [])]
  return all.map(parseAddress).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))
}

function soon(): AbortSignal {
  return AbortSignal.timeout(CHANGE_TIMEOUT_MS)
}
