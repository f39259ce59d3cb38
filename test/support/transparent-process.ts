/**
 * Transparent mode for the user named by the argument, to 10.0.0.0/8: it begins, and then looks anew at a machine of which
 * nothing can be learnt any more. Says each error as a line, and ends when nothing is open any more.
 * With `steady` as second argument it goes on until stdin ends, and says its status to each line; the third one is how
 * names are led, `off` by default.
 */
import { createInterface } from 'node:readline'
import { err } from '#lib/result'
import { createDnsCounters } from '../../daemon/dns/counters.ts'
import { createTransparent } from '../../daemon/transparent/transparent-server.ts'

const dnsSetting = process.argv[4] === 'port53' ? 'port53' : 'off'
const isSteady = process.argv[3] === 'steady'
/** Once to begin, once to serve. */
const LOOKS = 2
let looks = 0
const refuse = async () => err({ status: 403, reason: 'denied' })
const mode = createTransparent({
  config: { tunName: 'zt0', allowUsers: [], dns: dnsSetting },
  wish: () => ({
    ...{ ownerUid: Number(process.argv[2]), domains: ['corp.internal'], prefixes: ['10.0.0.0/8'] },
    ...{ lockdown: false, synthetic: [], outsideHosts: [] },
  }),
  names: {
    answer: async () => undefined,
    answerOurs: async () => undefined,
    targetOf: (_, port) => ({ host: 'private.test', port }),
    get resolverAddresses() {
      looks += 1
      if (looks > LOOKS && !isSteady) throw new Error('no names')
      return []
    },
    counters: createDnsCounters(),
  },
  ...{ openFlow: refuse, openDatagrams: refuse, againMs: 200 },
  log: {
    info: () => undefined,
    warn: () => undefined,
    error: (fields) => void process.stdout.write(`${JSON.stringify(fields)}\n`),
  },
})
mode.refresh()
if (!isSteady) mode.refresh()
else {
  createInterface({ input: process.stdin })
    .on('line', () => void process.stdout.write(`${JSON.stringify(mode.status)}\n`))
    .on('close', () => void mode.stop())
}
