/**
 * What a policy means for everybody who is enrolled: how many may and may not, why, and what a proposed policy changes.
 * Keeps counts, and rows up to a limit.
 */
import type { Outcome } from './outcome.ts'

/** How it stands for one (device, user); `proposed` where a policy is proposed. */
export type PopulationRow = {
  readonly user: string
  readonly device: string
  readonly inForce: Outcome
  readonly proposed?: Outcome
}

/** How many, and why. */
export type Tally = {
  readonly permitted: number
  readonly denied: number
  /** Of all, to a tenth of a percent. */
  readonly permittedPercent: number
  readonly reasons: Readonly<Record<string, number>>
}

export type PopulationReport = {
  readonly total: number
  readonly inForce: Tally
  readonly proposed?: Tally
  readonly newlyPermitted: number
  readonly newlyDenied: number
  readonly rows: readonly PopulationRow[]
  /** Rows that found no room. */
  readonly moreRows: number
}

/** Rows of one report. */
const ROW_LIMIT = 1000

/** @param onlyChanged whether rows are kept only where the proposed policy decides otherwise. */
export function createPopulationReport(onlyChanged: boolean) {
  const inForce = createTally()
  const proposed = createTally()
  const rows: PopulationRow[] = []
  const count = { permit: 0, denial: 0, more: 0 }

  function keep(row: PopulationRow): void {
    if (rows.length < ROW_LIMIT) rows.push(row)
    else count.more += 1
  }

  return {
    add(row: PopulationRow): void {
      inForce.add(row.inForce)
      if (row.proposed !== undefined) proposed.add(row.proposed)
      const changed = changeOf(row)
      if (changed !== undefined) count[changed] += 1
      if (changed !== undefined || !onlyChanged) keep(row)
    },
    report(): PopulationReport {
      const before = inForce.tally()
      const after = proposed.tally()
      return {
        total: before.permitted + before.denied,
        inForce: before,
        ...(after.permitted + after.denied > 0 && { proposed: after }),
        newlyPermitted: count.permit,
        newlyDenied: count.denial,
        rows,
        moreRows: count.more,
      }
    },
  }
}

/** The verdict under the proposed policy, where it is another one. */
function changeOf({ inForce, proposed }: PopulationRow): Outcome['verdict'] | undefined {
  return proposed === undefined || proposed.verdict === inForce.verdict
    ? undefined
    : proposed.verdict
}

function createTally() {
  const reasons = new Map<string, number>()
  const verdicts = { permit: 0, denial: 0 }
  return {
    add({ verdict, reason }: Outcome): void {
      verdicts[verdict] += 1
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    },
    tally(): Tally {
      const { permit: permitted, denial: denied } = verdicts
      const total = Math.max(1, permitted + denied)
      const permittedPercent = Math.round((permitted / total) * 1000) / 10
      return { permitted, denied, permittedPercent, reasons: Object.fromEntries(reasons) }
    },
  }
}
