/**
 * `scripts/bench SUBCOMMAND [--quick]`: exit 0 when every bar holds, 1 when one is missed (named on the last line), 2 when
 * it could not measure. Writes docs/benchmarks.md unless --quick.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { benchCut } from './cut-benchmark.ts'
import { benchDns } from './dns-benchmark.ts'
import { benchIntercept } from './intercept-benchmark.ts'
import { benchPolicy } from './policy-benchmark.ts'
import { benchRecovery } from './recovery-benchmark.ts'
import { markdown, type Report, replaceSection, verdict } from './report.ts'
import { benchSsh } from './ssh-benchmark.ts'
import { benchTunnel } from './tunnel-benchmark.ts'

const DOCUMENT = 'docs/benchmarks.md'
const SUBCOMMANDS: Readonly<
  Record<string, (quick: boolean, log: (line: string) => void) => Promise<Report>>
> = {
  tunnel: benchTunnel,
  ssh: benchSsh,
  cut: benchCut,
  policy: benchPolicy,
  dns: benchDns,
  intercept: benchIntercept,
  recovery: benchRecovery,
}

const HELP = `Usage: scripts/bench tunnel|ssh|cut|policy|dns|intercept|recovery [--quick]

  tunnel   throughput, CPU, new flows and idle memory against HAProxy and ssh -L
  ssh      the SSH hop and the whole path against direct OpenSSH and ssh -J
  cut      from an administrator's action to the last octet of the live flows it ends
  policy   decisions at 10,000 applications, 1,000 network rules and 100,000 identities
  dns      the local resolver against dnsmasq, and what it adds to names that are not ours
  intercept  transparent mode against proxy mode, redsocks and sshuttle; datagrams
  recovery  from the network's return until data passes again
  --quick  smaller sizes, under 3 minutes, docs/benchmarks.md stays as it is

Exit code: 0 every bar holds, 1 a bar is missed, 2 it could not measure.
`

async function main([subcommand = '', ...options]: readonly string[]): Promise<number> {
  const bench = SUBCOMMANDS[subcommand]
  if (bench === undefined || options.some((option) => option !== '--quick')) {
    console.error(HELP)
    return 2
  }
  const quick = options.includes('--quick')
  const report = await bench(quick, (line) => console.error(`bench: ${line}`))
  const section = markdown(report)
  console.log(section)
  if (!quick)
    writeFileSync(DOCUMENT, replaceSection(readFileSync(DOCUMENT, 'utf8'), report.title, section))
  const { code, line } = verdict(report.bars)
  console.log(line)
  return code
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (failure: unknown) => {
    console.error(failure)
    console.log(
      `bench: could not measure: ${failure instanceof Error ? failure.message.split('\n')[0] : failure}`,
    )
    process.exit(2)
  },
)
