/** Asks the packet filters of the machine whether they are on. */
import type { PostureFinding } from '#lib/wire/posture-message'
import { firewalldFilters, nftFilters, ufwFilters } from './firewall-state.ts'
import { runSystem } from './run-os.ts'

type Source = {
  readonly by: string
  readonly program: string
  readonly args: readonly string[]
  readonly filters: (text: string) => boolean
}

/** In this order; the first that is on counts. */
const SOURCES: readonly Source[] = [
  { by: 'nftables', program: 'nft', args: ['list', 'ruleset'], filters: nftFilters },
  { by: 'firewalld', program: 'firewall-cmd', args: ['--state'], filters: firewalldFilters },
  { by: 'ufw', program: 'ufw', args: ['status'], filters: ufwFilters },
]

/** @throws {Error} when no program could be asked: most answer root only. */
export async function findFirewall(signal: AbortSignal): Promise<PostureFinding> {
  let asked = 0
  for (const { by, program, args, filters } of SOURCES) {
    const said = await runSystem(program, args, signal)
    if (said?.code !== 0) continue
    asked += 1
    if (filters(said.stdout)) return { kind: 'firewall', enabled: true, by }
  }
  if (asked === 0) throw new Error('nft, firewall-cmd and ufw do not answer')
  return { kind: 'firewall', enabled: false }
}
