/** The worker of a campaign: the corpus as it is, then mutations of it, until the time is over or something breaks. */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import { SHARED, type WorkerInput, type WorkerOutput } from './campaign.ts'
import { corpusOf } from './corpus.ts'
import { mutate } from './mutate.ts'
import { PARSERS } from './parsers.ts'
import { seededRandom } from './random.ts'

const { parser, seconds, seed, shared, only }: WorkerInput = workerData
const words = new Int32Array(shared, 0, SHARED.words)
const place = new Uint8Array(shared, SHARED.words * 4)

/** Buffers that a parser may have alive at once, octets: beyond, it hoards what it is sent. */
const BUFFERS_LIMIT = 256 * 1024 * 1024
const LOOK_AT_MEMORY_EVERY = 2000
const BREATHE_EVERY = 100
/** Inputs kept beside the corpus: mutations of mutations reach deeper. */
const POOL_LIMIT = 400

function run(input: Buffer): string | undefined {
  const taken = input.subarray(0, SHARED.inputOctets)
  place.set(taken)
  Atomics.store(words, SHARED.lengthAt, taken.length)
  Atomics.add(words, SHARED.countAt, 1)
  try {
    PARSERS[parser]?.(Buffer.from(taken))
    return undefined
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

async function campaign(): Promise<string | undefined> {
  const random = seededRandom(seed)
  const pool = [...corpusOf(parser)]
  for (const input of pool) {
    const what = run(input)
    if (what !== undefined) return what
  }
  const endsAtMs = Date.now() + seconds * 1000
  const any = () => pool[random.below(pool.length)] ?? Buffer.alloc(0)
  for (let count = 1; Date.now() < endsAtMs; count++) {
    const input = mutate(any(), random, any())
    const what = run(input)
    if (what !== undefined) return what
    if (pool.length < POOL_LIMIT) pool.push(input)
    else if (random.below(64) === 0) pool[random.below(pool.length)] = any()
    // Parsers leave work to the end of the task: it holds what they were given until then.
    if (count % BREATHE_EVERY === 0) await setImmediate()
    if (count % LOOK_AT_MEMORY_EVERY === 0 && hoards()) return 'buffers are kept'
  }
  return undefined
}

/** What is merely not yet collected does not count. */
function hoards(): boolean {
  if (process.memoryUsage().arrayBuffers <= BUFFERS_LIMIT) return false
  collect()
  return process.memoryUsage().arrayBuffers > BUFFERS_LIMIT
}

function collect(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

const what = only === undefined ? await campaign() : run(Buffer.from(only))
parentPort?.postMessage((what === undefined ? {} : { what }) satisfies WorkerOutput)
