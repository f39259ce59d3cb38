/** Looks for what is ours on this machine now, whoever made it; changes nothing. */
import { readFile } from 'node:fs/promises'
import { runSystem } from '../posture/run-os.ts'
import { oursOf } from './changes.ts'
import { routeLine, ruleLine } from './ip-batch.ts'
import { isOurs } from './resolv-conf.ts'
import { RESOLV_CONF } from './resolv-conf-os.ts'
import { lookAtRouting } from './routing-os.ts'

const TIME_LIMIT_MS = 5_000

/** One line each; undefined where this cannot be looked at. Never rejects. */
export async function lookForOurs(): Promise<readonly string[] | undefined> {
  const signal = AbortSignal.timeout(TIME_LIMIT_MS)
  const machine = await lookAtRouting(signal).catch(() => undefined)
  if (!machine?.ok) return undefined
  const { routes, rules } = oursOf(machine.value)
  const listed = await runSystem('nft', ['list', 'tables'], signal).catch(() => undefined)
  const tables = listed?.stdout.match(/^table inet zt(?:_dns)?$/gm) ?? []
  const resolvConf = await readFile(RESOLV_CONF, 'utf8').catch(() => '')
  return [
    ...routes.map((route) => `-${route.family} ${routeLine('add', route)}`),
    ...rules.map((rule) => `-${rule.family} ${ruleLine('add', rule)}`),
    ...tables,
    ...(isOurs(resolvConf) ? [`${RESOLV_CONF} names our resolver first`] : []),
  ]
}
