/**
 * Serves a TUN with routing of ours until it is killed: for the user named by the argument, else for 1000 to 1999. Each line on stdin is a list of private prefixes to go over to;
 * `undo` takes everything away and ends it. Each is answered with a line: `ok`, or the reason of the refusal.
 */
import { createInterface } from 'node:readline'
import { parseAddress } from '#lib/net/address'
import { parsePrefix } from '#lib/net/prefix'
import { openTun } from '../../daemon/intercept/tun-os.ts'
import { applyRouting } from '../../daemon/machine/applied-routing-os.ts'
import type { Wanted } from '../../daemon/machine/plan.ts'

const owner = process.argv[2] === undefined ? undefined : Number(process.argv[2])
const never = new AbortController().signal
const addresses = (...texts: string[]) =>
  texts.map(parseAddress).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))
const prefixes = (...texts: string[]) =>
  texts.map(parsePrefix).flatMap((parsed) => (parsed.ok ? [parsed.value] : []))

function wanted(...listed: string[]): Wanted {
  return {
    tunName: 'zt0',
    tunAddresses: addresses('100.80.0.1', 'fd5a::1'),
    synthetic: prefixes('100.80.0.0/16', 'fd5a::/64'),
    prefixes: prefixes(...listed),
    resolverAddresses: addresses('100.80.0.53', 'fd5a::53'),
    outside: addresses('10.1.2.3'),
    uids: [owner === undefined ? { first: 1000, last: 1999 } : { first: owner, last: owner }],
    lockdown: false,
  }
}

const device = openTun('zt0')
if (!device.ok) throw new Error(device.error.detail)
const started = await applyRouting(wanted('10.0.0.0/8', 'fd00:1::/48'), never)
if (!started.ok) throw new Error(JSON.stringify(started.error))
let routing = started.value
process.stdout.write('ok\n')

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'undo') {
    const { failed } = await routing.undo(never)
    device.value.close()
    process.stdout.write(failed.length === 0 ? 'ok\n' : `${JSON.stringify(failed)}\n`)
    process.exit()
  }
  const changed = await routing.change(wanted(...line.split(' ')), never)
  if (changed.ok) routing = changed.value
  process.stdout.write(changed.ok ? 'ok\n' : `${changed.error.reason}\n`)
}
