/**
 * What `zt doctor` finds: one verdict for each assumption that the product makes about a machine.
 */

/** `not_checked`: it could not be looked at, which is no verdict on it. */
export type Verdict = 'ok' | 'warning' | 'problem' | 'not_checked'

/** One thing that was looked at. */
export type Finding = {
  /** What was looked at; `docs/reference/doctor.md` lists them. */
  readonly check: string
  readonly verdict: Verdict
  /** Stable; never renamed. */
  readonly code: string
  /** What was found, in a sentence. */
  readonly cause: string
  /** What this machine shows of it: names, addresses, times. Text from outside. */
  readonly detail?: string
  /** What to do about it; absent where nothing is to be done. */
  readonly remedy?: string
}

/** Findings in the order of the reference page, and for a bundle the texts that go into it, by file name. */
export type DoctorReport = {
  readonly findings: readonly Finding[]
  /** Nothing secret is in them. */
  readonly members?: Readonly<Record<string, string>>
}
