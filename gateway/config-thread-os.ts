/** Reads a configuration in a thread of its own: a large one takes seconds, in which flows go on. */
import { Worker } from 'node:worker_threads'
import { type Loaded, unpackInSteps } from './config-pieces-os.ts'
import { inTurns } from './in-turns-job.ts'

/** As `loadConfig`. @throws {Error} when the thread dies, as for want of memory. */
export function loadConfigApart(fileName: string): Promise<Loaded> {
  const reader = new Worker(new URL('./config-reader-job.js', import.meta.url), {
    workerData: fileName,
  })
  return new Promise((resolve, reject) => {
    reader.once('message', (packed) => resolve(inTurns(unpackInSteps(packed))))
    reader.once('error', reject)
    reader.once('exit', () => reject(new Error('the configuration was not read')))
  })
}
