import { join } from 'node:path'
import test from 'ava'
import { parseAddress } from '#lib/net/address'
import { parsePrefix } from '#lib/net/prefix'
import { changes, NO_ROUTING } from '../../../daemon/machine/changes.ts'
import { planRouting, type Wanted } from '../../../daemon/machine/plan.ts'
import { batch, freshMachine, routing, wayTo } from '../../support/namespace-machine.ts'

const MAIN = join(import.meta.dirname, '../../../daemon/main.js')
const addresses = (...texts: string[]) =>
  texts.map(parseAddress).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))
const prefixes = (...texts: string[]) =>
  texts.map(parsePrefix).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))

const WANTED: Wanted = {
  tunName: 'zt0',
  tunAddresses: addresses('100.80.0.1', 'fd5a::1'),
  synthetic: prefixes('100.80.0.0/16', 'fd5a::/64'),
  prefixes: prefixes('10.0.0.0/8', 'fd00:1::/48'),
  resolverAddresses: addresses('100.80.0.53', 'fd5a::53'),
  outside: addresses('10.1.2.3'),
  uids: [{ first: 1000, last: 1999 }],
  lockdown: false,
}
const UP = ['link add zt0 type veth peer name zt1', 'link set zt0 up', 'link set zt1 up']

test('D2 D5: a daemon that dies after any line leaves public routes as they were, and undo the rest', async (t) => {
  const inside = await freshMachine(t)
  await batch(inside, '-4', ['route add default via 192.0.2.1'])
  const planned = planRouting(WANTED, { links: [], routes: [], rules: [] })
  if (!planned.ok) return t.fail(planned.error.reason)
  const steps = changes(NO_ROUTING, planned.value).flatMap(({ family, lines }) =>
    lines.map((line) => ({ family: `-${family}` as const, line })),
  )
  const before = await routing(inside)

  for (let made = 1; made <= steps.length; made++) {
    await batch(inside, '-4', UP)
    for (const { family, line } of steps.slice(0, made)) await batch(inside, family, [line])
    t.is(await wayTo(inside, '198.18.0.1'), 'lan0')
    if (made === steps.length) {
      t.is(await wayTo(inside, '10.1.1.1'), 'zt0')
      t.is(await wayTo(inside, 'fd00:1::1'), 'zt0')
      t.is(await wayTo(inside, '10.1.2.3'), 'lan0')
      t.is(await wayTo(inside, '100.80.3.4'), 'zt0')
    }
    // As the kernel does with a TUN whose process is gone.
    await batch(inside, '-4', ['link del zt0'])
    t.is(await wayTo(inside, '198.18.0.1'), 'lan0', steps[made - 1]?.line)
    t.is(await wayTo(inside, '10.1.1.1'), 'lan0', steps[made - 1]?.line)
    const undone = await inside.run(process.execPath, MAIN, 'undo')
    t.is(undone.code, 0, undone.stderr)
    t.deepEqual(await routing(inside), before, steps[made - 1]?.line)
  }
})
