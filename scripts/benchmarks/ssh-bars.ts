/**
 * Names of ways and works of `scripts/bench ssh`, and what is demanded of their figures. Pure.
 */
import type { Row } from './report.ts'
import { type Bar, median, pairedRatio, type Series } from './statistics.ts'

/** The contenders. */
export const WAY = {
  direct: 'direct OpenSSH',
  /** The key exchange that zt agrees on: what of a login is not the exchange's. */
  sameExchange: 'direct OpenSSH, curve25519-sha256',
  jump: 'ssh -J',
  hop: 'zt hop, recorded',
  bare: 'zt hop, not recorded',
  path: 'zt, daemon and tunnel',
} as const

/** Rows of logins. */
export const LOGIN = {
  p50: '`ssh host true`, p50',
  p99: '`ssh host true`, p99',
  failures: '`ssh host true`, failures',
  cpu: '`ssh host true`, CPU of the hop',
} as const

/** Where the CPU of a recording goes. */
const PASSES =
  'Three passes over the octets take most of it: docs/decisions/0009-recordings-cost-three-passes.md'

/** Every bar of the SSH section. @throws {Error} when a row or one of its ways is missing. */
export function sshBars(rows: readonly Row[], idleKib: number): readonly Bar[] {
  const of = (work: string, way: string): Series => {
    const series = rows.find((row) => row.work === work)?.figures[way]
    if (series === undefined) throw new Error(`not measured: ${work}, ${way}`)
    return series
  }
  const ratio = (work: string, ours: string, peer: string): number =>
    pairedRatio(of(work, ours), of(work, peer))
  const atLeast = (work: string, ours: string, peer: string, bar: number): Bar => ({
    name: `${work}: ${ours} × ${peer}`,
    figure: ratio(work, ours, peer),
    bar,
    sense: 'at_least',
  })
  const atMost = (work: string, ours: string, peer: string, bar: number): Bar => ({
    ...atLeast(work, ours, peer, bar),
    sense: 'at_most',
  })
  return [
    ...['get', 'put', 'sftp get', 'sftp put'].flatMap((work): Bar[] => [
      atLeast(work, WAY.hop, WAY.direct, 0.6),
      atLeast(work, WAY.hop, WAY.jump, 1.2),
      atLeast(work, WAY.path, WAY.direct, 0.4),
    ]),
    ...['get', 'put'].flatMap((work): Bar[] => [
      {
        name: `${work}: CPU of the hop, s/GB`,
        figure: median(of(`${work}, CPU of the hop`, WAY.hop)),
        bar: 2.5,
        sense: 'at_most',
        limit: PASSES,
      },
      atMost(work, WAY.bare, WAY.hop, 1.3),
    ]),
    ...[WAY.hop, WAY.path].flatMap((ours): Bar[] => [
      atMost(LOGIN.p50, ours, WAY.direct, 1),
      atMost(LOGIN.p50, ours, WAY.jump, 0.5),
      {
        name: `${LOGIN.failures}: ${ours}`,
        figure: median(of(LOGIN.failures, ours)),
        bar: 0,
        sense: 'at_most',
      },
    ]),
    atMost(LOGIN.p50, WAY.hop, WAY.bare, 1.1),
    { name: 'memory of an idle session, KiB', figure: idleKib, bar: 300, sense: 'at_most' },
  ]
}
