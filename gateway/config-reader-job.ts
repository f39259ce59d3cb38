/** The thread that reads a configuration. What it throws ends it: whoever waits is told. */
import { parentPort, workerData } from 'node:worker_threads'
import { loadConfig } from './config-store.ts'

parentPort?.postMessage(await loadConfig(String(workerData)))
