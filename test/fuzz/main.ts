/**
 * Long campaigns: `scripts/fuzz [--seconds N] [--seed N] [PARSER…]`. Exits 1 when an input broke a parser; the input is
 * then a file beside the corpus, which `scripts/test fuzz` runs from now on.
 */
import { parseArgs } from 'node:util'
import { runCampaign } from './campaign.ts'
import { keepInput } from './corpus.ts'
import { PARSERS } from './parsers.ts'

const NIGHTLY_SECONDS = '600'

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: NIGHTLY_SECONDS },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
  allowPositionals: true,
})
const seconds = Number(values.seconds)
const seed = Number(values.seed)
const wanted = positionals.length > 0 ? positionals : Object.keys(PARSERS)
const unknown = wanted.filter((parser) => !Object.hasOwn(PARSERS, parser))
if (unknown.length > 0 || !(seconds > 0) || !Number.isInteger(seed)) {
  console.error(`usage: scripts/fuzz [--seconds N] [--seed N] [${Object.keys(PARSERS).join('|')}]…`)
  process.exit(2)
}

for (const parser of wanted) {
  const { executions, failure } = await runCampaign({ parser, seconds, seed })
  console.log(`${parser}: ${executions} inputs in ${seconds} s, seed ${seed}`)
  if (failure === undefined) continue
  console.log(`${parser}: BROKEN by ${keepInput(parser, failure.input, 'crash')}\n${failure.what}`)
  process.exitCode = 1
}
