/**
 * One campaign: a worker that feeds a parser, watched from outside, so that an input that never returns is found too.
 * The worker writes each input into shared memory before it is parsed.
 */
import { Worker } from 'node:worker_threads'

export type Campaign = {
  readonly parser: string
  readonly seconds: number
  readonly seed: number
}

/** How it ended; with a failure, the input that did it. */
export type Report = {
  readonly executions: number
  readonly failure?: { readonly what: string; readonly input: Buffer }
}

/** Longest time that one input may take, ms. */
const HANG_MS = 1000
const NO_END = `no end after ${HANG_MS} ms`
const LOOK_EVERY_MS = 250
/** The worker may load and warm up this long, ms. */
const START_MS = 20_000
/** Old objects that a worker may hold, MiB: parsers keep nothing between inputs. */
const HEAP_LIMIT_MIB = 192
/** Layout of the shared memory: count of executions, length of the input, then the input. */
export const SHARED = { countAt: 0, lengthAt: 1, words: 2, inputOctets: 256 * 1024 } as const

export type WorkerInput = Campaign & {
  readonly shared: SharedArrayBuffer
  /** In place of a campaign: this input, once. */
  readonly only?: Uint8Array
}
/** What the worker says last. */
export type WorkerOutput = { readonly what?: string }

export async function runCampaign(campaign: Campaign): Promise<Report> {
  const report = await runWorker(campaign)
  if (report.failure?.what !== NO_END) return report
  // A busy machine stops workers too: only an input that never ends by itself is one that hangs.
  const { failure } = await runWorker({ ...campaign, only: report.failure.input })
  return { executions: report.executions, ...(failure !== undefined && { failure }) }
}

async function runWorker(wish: Omit<WorkerInput, 'shared'>): Promise<Report> {
  const shared = new SharedArrayBuffer(SHARED.words * 4 + SHARED.inputOctets)
  const words = new Int32Array(shared, 0, SHARED.words)
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { ...wish, shared } satisfies WorkerInput,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MIB },
  })
  const what = await Promise.race([finished(worker), hung(worker, words)])
  await worker.terminate()
  const executions = Atomics.load(words, SHARED.countAt)
  if (what === undefined) return { executions }
  const length = Atomics.load(words, SHARED.lengthAt)
  const input = Buffer.from(new Uint8Array(shared, SHARED.words * 4, length).slice())
  return { executions, failure: { what, input } }
}

function finished(worker: Worker): Promise<string | undefined> {
  return new Promise((resolve) => {
    worker.once('message', ({ what }: WorkerOutput) => resolve(what))
    worker.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
}

/** Resolves when one input takes too long; else never. */
function hung(worker: Worker, words: Int32Array): Promise<string> {
  return new Promise((resolve) => {
    let seen = -1
    let sinceMs = Date.now()
    const timer = setInterval(() => {
      const count = Atomics.load(words, SHARED.countAt)
      const limitMs = count === 0 ? START_MS : HANG_MS
      if (count !== seen) {
        seen = count
        sinceMs = Date.now()
      } else if (Date.now() - sinceMs > limitMs) {
        clearInterval(timer)
        resolve(NO_END)
      }
    }, LOOK_EVERY_MS)
    worker.once('exit', () => clearInterval(timer))
  })
}
