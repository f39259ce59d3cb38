/** Opens the sinks of the configuration. Files are read at start, like the rest of the `gateway` section. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Log } from '#lib/log'
import type { AlertSinkConfig } from '../config/alert-sinks.ts'
import { type Sink, startDelivery } from './delivery-job.ts'
import { openSyslog } from './syslog-client.ts'
import { openWebhook } from './webhook-client.ts'

type SinkDeps = {
  readonly log: Log
  /** Unix milliseconds. */
  readonly now: () => number
}

/** All of them as one. @throws {Error} when a file cannot be read. */
export function openSinks(configs: readonly AlertSinkConfig[], deps: SinkDeps): Sink {
  const sinks = configs.map((config) =>
    startDelivery({ name: config.name, log: deps.log, deliver: delivererOf(config, deps) }),
  )
  return {
    send: (alert) => {
      for (const sink of sinks) sink.send(alert)
    },
    stop: () => {
      for (const sink of sinks) sink.stop()
    },
  }
}

function delivererOf({ caFile, ...config }: AlertSinkConfig, { now }: SinkDeps) {
  const ca = caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }
  if (config.kind === 'syslog') return openSyslog({ ...config, ...ca, hostname: hostname() })
  const secret = readFileSync(config.secretFile, 'utf8').trim()
  return openWebhook({ url: config.url, secret, ...ca, now })
}
