/** What firewall programs print, read for one thing: whether packets that come in are filtered. Pure. */
import { parseRuleset, type Statement } from './nft-ruleset.ts'

/**
 * `nft list ruleset`: some chain of type filter that the kernel hangs before incoming packets drops or rejects, by its policy
 * or by a rule of its own. Chains that it jumps to are not followed, and tables that are dormant do not count.
 */
export function nftFilters(ruleset: string): boolean {
  return parseRuleset(ruleset).some(
    (table) => isAwake(table) && table.block.some((chain) => isInputChain(chain) && drops(chain)),
  )
}

const INPUT_HOOKS = ['input', 'ingress', 'prerouting']
const DROPS = ['drop', 'reject']
/** What follows these is the name of a chain. */
const JUMPS = ['jump', 'goto']

function isAwake({ words, block }: Statement): boolean {
  const isDormant = block.some(({ words: [key, ...flags] }) => {
    return key === 'flags' && flags.includes('dormant')
  })
  return words[0] === 'table' && !isDormant
}

function isInputChain({ words, block }: Statement): boolean {
  const isHooked = block.some(({ words: [type, kind, hook, where = ''] }) => {
    return type === 'type' && kind === 'filter' && hook === 'hook' && INPUT_HOOKS.includes(where)
  })
  return words[0] === 'chain' && isHooked
}

/** A verdict stands in a statement itself, or in the map that it looks verdicts up in. */
function drops(chain: Statement): boolean {
  return chain.block.some((rule) => [rule, ...rule.block].some(({ words }) => hasDrop(words)))
}

function hasDrop(words: readonly string[]): boolean {
  return words.some((word, at) => DROPS.includes(word) && !JUMPS.includes(words[at - 1] ?? ''))
}

/** `ufw status`. */
export function ufwFilters(status: string): boolean {
  return /^Status: active$/m.test(status)
}

/** `firewall-cmd --state`. */
export function firewalldFilters(state: string): boolean {
  return state.trim() === 'running'
}
