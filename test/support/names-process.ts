/**
 * Leads questions of users 1000 to 1999 to us by port 53. Says how that stands, and what was noted of it, at once and
 * after each line of input: `change` goes over to other names, `close` gives back.
 */
import { createInterface } from 'node:readline'
import { leadNames } from '../../daemon/transparent/names-os.ts'

const notes: string[] = []
const wish = (...domains: string[]) => ({
  ...({ setting: 'port53', tunName: 'zt0', resolverAddresses: [], domains } as const),
  uids: [{ first: 1000, last: 1999 }],
})
const names = await leadNames(wish('corp.internal'), {
  answerQuery: async () => undefined,
  onLost: () => undefined,
  note: (_, { done = [] }) => void notes.push(...done),
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
})
const say = (thrown?: unknown): void =>
  void process.stdout.write(`${JSON.stringify({ state: names.state, notes, thrown })}\n`)

say()
for await (const line of createInterface({ input: process.stdin })) {
  const done =
    line === 'change' ? names.change(wish('other.internal')) : line === 'close' && names.close()
  await Promise.resolve(done).then(
    () => say(),
    (cause) => say(String(cause)),
  )
}
