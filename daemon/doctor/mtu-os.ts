/** Asks the kernel how large a packet to an address may be. */
import { readFile } from 'node:fs/promises'
import { runSystem } from '../posture/run-os.ts'
import type { GatewayAnswers } from './gateway-answers.ts'
import { parseRouteMtu } from './route-mtu.ts'

const TIME_LIMIT_MS = 2_000

/** What the path has shown so far, else what the link takes; undefined where `ip` does not say. */
export async function findMtu(address: string): Promise<GatewayAnswers['mtu']> {
  const plain = address.replace(/^::ffff:/, '')
  const said = await runSystem(
    'ip',
    ['-o', 'route', 'get', plain],
    AbortSignal.timeout(TIME_LIMIT_MS),
  ).catch(() => undefined)
  const route = said?.code === 0 ? parseRouteMtu(said.stdout) : undefined
  if (route === undefined) return undefined
  if (route.bytes !== undefined) return { link: route.link, bytes: route.bytes }
  const text = await readFile(`/sys/class/net/${route.link}/mtu`, 'utf8').catch(() => '')
  const bytes = Number.parseInt(text, 10)
  return Number.isNaN(bytes) ? undefined : { link: route.link, bytes }
}
