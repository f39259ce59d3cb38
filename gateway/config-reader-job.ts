/** The thread that reads a configuration. What it throws ends it: whoever waits is told. */
import { parentPort, workerData } from 'node:worker_threads'
import { pack } from './config-pieces-os.ts'
import { loadConfig } from './config-store.ts'

const packed = pack(await loadConfig(String(workerData)))
parentPort?.postMessage(
  packed,
  packed.pieces.map(({ octets }) => octets.buffer),
)
