/** The table as docs/reference/ssh-compatibility.md has it. Pure. */
import type { Row, Verdict } from './row.ts'

export type Judged = { readonly row: Row; readonly verdict: Verdict }

const HEAD = `# SSH compatibility

Made by \`scripts/ssh-compatibility\`, which \`scripts/test --full\` runs: every row is run twice on real programs, directly and through daemon
and gateway, under a policy that allows everything SSH carries. \`pass\`: exit code and every octet of the standard output are the expected
ones through zt. \`direct fails too\`: the same row fails without zt. \`refused by policy\`: refused on purpose, with the text shown.

The variables: \`$CONF\` is an ssh_config with the hosts \`target\` and, reachable from there, \`behind\`; \`$NC\` a program that joins its standard streams
to port 22 of \`$HOST\` (through zt: \`nc -X 5 -x\` with the proxy port); \`$KNOWN\` and \`$PRINT\` the host key; \`$KEY\` a private key, which the
direct way needs; \`$BIG\` a file of 20 MB; \`$WEB\` a web server beside the target; \`$TMP\` an empty folder that both ends share; \`$REGRESS\` runs a script of OpenSSH's suite with \`TEST_SSH_SSH\` set to
an ssh that goes the same way.
`

export function reportText(judged: readonly Judged[]): string {
  const clients = [...new Set(judged.map(({ row }) => row.client))]
  const counts = summary(judged)
  return [HEAD, counts, ...clients.map((client) => section(client, judged))].join('\n')
}

function summary(judged: readonly Judged[]): string {
  const results = judged.map(({ verdict }) => verdict.result)
  const count = (result: string) => results.filter((one) => one === result).length
  const kinds = ['pass', 'refused by policy', 'n/a', 'direct fails too', 'fails'] as const
  return `Rows: ${kinds.map((kind) => `${count(kind)} ${kind}`).join(', ')}.\n`
}

function section(client: string, judged: readonly Judged[]): string {
  const rows = judged.filter(({ row }) => row.client === client)
  return [
    `## ${client}\n`,
    `\`apt-get install ${client}\`\n`,
    '| what | command | expected output | exit code | result |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(({ row, verdict }) => {
      const { does, command, stdout, code = 0 } = row
      const cells = [does, code_(command), code_(stdout), String(code), resultText(verdict)]
      return `| ${cells.join(' | ')} |`
    }),
    '',
  ].join('\n')
}

function resultText(verdict: Verdict): string {
  switch (verdict.result) {
    case 'n/a':
      return `n/a: ${verdict.why}`
    case 'refused by policy':
      return `refused by policy: ${verdict.says}`
    default:
      return verdict.result
  }
}

/** A bar ends a cell even inside code. */
function code_(text: string): string {
  const oneLine = text.replaceAll('\n', ' ⏎ ').replaceAll('|', '\\|')
  return oneLine === '' ? '' : `\`\` ${oneLine} \`\``
}
