/** Short campaigns on every parser; `scripts/fuzz` runs long ones. What broke a parser once is in the corpus. */
import test from 'ava'
import { runCampaign } from './campaign.ts'
import { keepInput } from './corpus.ts'
import { mutate } from './mutate.ts'
import { PARSERS } from './parsers.ts'
import { seededRandom } from './random.ts'
import { readTurns, writeTurns } from './turns.ts'

const SECONDS = process.env['ZT_FULL'] ? 30 : 5
/** Fixed: the suite says the same twice. Other seeds are for the nightly run. */
const SEED = 1

for (const parser of Object.keys(PARSERS)) {
  test.serial(`S1 S9: nothing breaks the ${parser} parser`, async (t) => {
    t.timeout((SECONDS + 60) * 1000)
    const { executions, failure } = await runCampaign({ parser, seconds: SECONDS, seed: SEED })
    t.log(`${executions} inputs`)
    if (failure === undefined) return t.true(executions > 100)
    return t.fail(
      `${failure.what}\nadd to the corpus: ${keepInput(parser, failure.input, 'crash')}`,
    )
  })
}

test('mutations of a seed are the same twice, and bounded', (t) => {
  const [one, two] = [seededRandom(7), seededRandom(7)]
  const input = Buffer.alloc(100_000, 1)
  for (let round = 0; round < 50; round++) {
    const changed = mutate(input, one, input)
    t.true(changed.equals(mutate(input, two, input)))
    t.true(changed.length <= 128 * 1024)
  }
})

test('turns are read as they were written, and every input has some reading', (t) => {
  const turns = [
    { side: 'user', bytes: Buffer.from('a') },
    { side: 'target', bytes: Buffer.alloc(0) },
    { side: 'user', bytes: Buffer.from('bc') },
  ] as const
  t.deepEqual(readTurns(writeTurns(turns)), turns)
  t.deepEqual(readTurns(Buffer.from([1, 0, 9, 7])), [{ side: 'target', bytes: Buffer.of(7) }])
})
