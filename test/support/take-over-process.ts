/**
 * Takes traffic of the user named by the first argument, with `lockdown` as the second one or not, to 10.0.0.0/8 and
 * fd00:1::/48, refuses it all, and gives it back when stdin ends. Says one line when it begins, one for each thing that
 * others took away, one with all that it did when it ends, and to each line of input how many packets it took, without
 * what the kernel says to neighbours on every link, and what of ours the machine has.
 */
import { createInterface } from 'node:readline'
import { err } from '#lib/result'
import { MachineJournal } from '../../daemon/machine/journal.ts'
import { lookForOurs } from '../../daemon/machine/ours-os.ts'
import { takeOver } from '../../daemon/transparent/take-over-os.ts'
import { wishOf } from '../../daemon/transparent/wish.ts'

const refuse = async () => err({ status: 403, reason: 'denied' })
const say = (words: object): void => void process.stdout.write(`${JSON.stringify(words)}\n`)

const wish = {
  ownerUid: Number(process.argv[2]),
  prefixes: ['10.0.0.0/8', 'fd00:1::/48'],
  synthetic: [],
  lockdown: process.argv[3] === 'lockdown',
  domains: [],
  outsideHosts: [],
}
const SETTINGS = { tunName: 'zt0', allowUsers: [], dns: 'off' } as const
const journal = new MachineJournal()
const taken = await takeOver(wishOf(wish, SETTINGS, { resolver: [], outside: [] }), {
  targetOf: (_, port) => ({ host: 'private.test', port }),
  openFlow: refuse,
  openDatagrams: refuse,
  answerQuery: async () => undefined,
  resolverAddresses: [],
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  note: (part, changed) => journal.note(part, changed, Date.now()),
  onLost: (lost) => say({ lost }),
}).catch((cause) => {
  say({ thrown: String(cause) })
  process.exit()
})
if (taken.ok) {
  const { mode, warning } = taken.value.interception
  say({ mode, ...(warning !== undefined && { warning }) })
} else say(taken.error)
if (taken.ok) {
  const { interception, close } = taken.value
  const { counters } = interception
  createInterface({ input: process.stdin })
    .on('line', async () => {
      const packets = counters.packets - (counters.dropped.multicast ?? 0)
      say({ packets, ours: await lookForOurs() })
    })
    .on('close', async () => {
      await close('locked')
      say({ changes: journal.entries })
    })
}
