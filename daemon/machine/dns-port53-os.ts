/** Leads what users ask of any server of DNS to our resolver on loopback, by an nft table that goes with this process. */
import type { Log } from '#lib/log'
import { err, ok, type Result } from '#lib/result'
import type { DnsRefusal, DnsWanted } from './dns-plan.ts'
import type { DnsWay } from './dns-way.ts'
import { port53Table, withoutUid } from './nft-table.ts'
import { type HeldTable, holdNftTable } from './nft-table-os.ts'

/** @returns refusals `nft_absent`, `nft_refused`, `only_own_user`; lost as `nft_table_lost`. */
export async function holdPort53(wanted: DnsWanted, log: Log): Promise<Result<DnsWay, DnsRefusal>> {
  let lost: DnsRefusal | undefined
  let current = wanted
  let settleGone = (): void => {}
  const gone = new Promise<void>((resolve) => {
    settleGone = resolve
  })
  const hold = async (next: DnsWanted): Promise<Result<HeldTable, DnsRefusal>> => {
    const table = tableOf(next)
    const held = table.ok ? await holdNftTable(table.value) : table
    if (held.ok) void held.value.gone.then(() => onGone(held.value))
    return held
  }
  const first = await hold(wanted)
  if (!first.ok) return first
  let table: HeldTable | undefined = first.value

  function onGone(one: HeldTable): void {
    if (one !== table) return
    lost = { reason: 'nft_table_lost', detail: 'nft was ended' }
    log.warn(lost, 'questions about names come to us no more')
    settleGone()
  }
  async function close(): Promise<void> {
    const closing = table
    table = undefined
    await closing?.close()
  }
  return ok({
    lost: () => lost,
    gone,
    leftOut: () => leftOutOf(current),
    change: async (next) => {
      if (lost !== undefined) return err(lost)
      if (isSame(current, next)) return ok(undefined)
      // For some milliseconds questions go where they went without us: two tables cannot have one name.
      await close()
      const again = await hold(next)
      if (again.ok) [table, current] = [again.value, next]
      lost = again.ok ? undefined : again.error
      return again.ok ? ok(undefined) : again
    },
    undo: close,
  })
}

function isSame(one: DnsWanted, other: DnsWanted): boolean {
  const parts = ({ loopbackPort, uids }: DnsWanted) => JSON.stringify([loopbackPort, uids])
  return parts(one) === parts(other)
}

function leftOutOf({ uids }: DnsWanted): DnsRefusal | undefined {
  const uid = ownUid()
  if (!uids.some(({ first, last }) => first <= uid && uid <= last)) return undefined
  const detail = `the daemon runs as uid ${uid}, whose questions stay where they are`
  return { reason: 'own_user_left_out', detail }
}

function ownUid(): number {
  return process.geteuid?.() ?? 0
}

/** What this process asks itself must not come back to it, and is told by its user. */
function tableOf({ loopbackPort, uids }: DnsWanted) {
  const others = withoutUid(uids, ownUid())
  if (others.length > 0) return ok(port53Table(loopbackPort, others))
  const detail = 'the daemon runs as the only user whose names it serves, and would ask itself'
  return err({ reason: 'only_own_user', detail })
}
