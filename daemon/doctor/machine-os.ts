/** Looks at this machine for the doctor; changes nothing. */
import { access, readFile } from 'node:fs/promises'
import { isLinkLocal } from '#lib/net/special-address'
import { parseLinks, parseRoutes } from '../machine/ip-json.ts'
import type { Route } from '../machine/machine.ts'
import { isOurRoute } from '../machine/ours.ts'
import { nftFilters } from '../posture/firewall-state.ts'
import { runSystem } from '../posture/run-os.ts'
import type { MachineFacts } from './machine-facts.ts'

const TIME_LIMIT_MS = 5_000
/** Where it says what it is asked for (systemd-resolved(8)). */
const RESOLVED_FOLDER = '/run/systemd/resolve'

/** @param tunName our own link. @returns undefined where the program `ip` does not answer. Never rejects. */
export async function lookAtMachine(tunName: string): Promise<MachineFacts | undefined> {
  const links = await say('ip', ['-j', '-d', 'link', 'show'])
  if (links?.code !== 0) return undefined
  const isOther = (route: Route) => !isOurRoute(route) && route.device !== tunName
  const all = ['route', 'show', 'table', 'all', 'type', 'unicast']
  const own = ['route', 'show', 'table', 'main', 'proto', 'kernel']
  const ruleset = await say('nft', ['list', 'ruleset'])
  const isReadable = ruleset?.code === 0
  return {
    links: parseLinks(links.stdout).filter(({ name }) => name !== tunName && name !== 'lo'),
    routes: (await routesOf(all)).filter(isOther),
    ownSubnets: (await routesOf(own)).filter(
      (route) => isOther(route) && !isLinkLocal(route.to.address),
    ),
    nft: isReadable ? 'usable' : ruleset === undefined ? 'absent' : 'not_permitted',
    ...(isReadable && { dropsInput: nftFilters(ruleset.stdout) }),
    resolvConf: await readFile('/etc/resolv.conf', 'utf8').catch(() => ''),
    resolved: await access(RESOLVED_FOLDER).then(
      () => true,
      () => false,
    ),
  }
}

async function routesOf(args: readonly string[]): Promise<readonly Route[]> {
  const v4 = await say('ip', ['-j', '-4', ...args])
  const v6 = await say('ip', ['-j', '-6', ...args])
  return [...parseRoutes(v4?.stdout ?? '', 4), ...parseRoutes(v6?.stdout ?? '', 6)]
}

function say(program: string, args: readonly string[]) {
  return runSystem(program, args, AbortSignal.timeout(TIME_LIMIT_MS)).catch(() => undefined)
}
