/** A row of the compatibility table: what a client is asked to do, and what must come of it, direct and through zt. */

export type Row = {
  /** Debian package. */
  readonly client: string
  readonly does: string
  /** bash; the variables are explained at the head of the table. */
  readonly command: string
  /** All of the standard output, line ends and carriage returns at its end aside. */
  readonly stdout: string
  readonly code?: number
  /** Why it cannot be run here. */
  readonly notApplicable?: string
  /** A refusal on purpose: what the user reads then. */
  readonly refusal?: RegExp
}

export type Outcome = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export type Verdict =
  | { readonly result: 'pass' | 'direct fails too' | 'fails' }
  | { readonly result: 'refused by policy'; readonly says: string }
  | { readonly result: 'n/a'; readonly why: string }

/** What the two runs amount to. */
export function judge(row: Row, direct: Outcome, through: Outcome): Verdict {
  if (isWanted(row, through)) return { result: 'pass' }
  const says = row.refusal?.exec(`${through.stderr}\n${through.stdout}`)?.[0]
  if (says !== undefined) return { result: 'refused by policy', says }
  return { result: isWanted(row, direct) ? 'fails' : 'direct fails too' }
}

function isWanted({ stdout, code = 0 }: Row, outcome: Outcome): boolean {
  return outcome.code === code && outcome.stdout.replaceAll('\r', '').trimEnd() === stdout
}
