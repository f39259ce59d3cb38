/** What firewall programs print, read for one thing: whether packets that come in are filtered. Pure. */

/** `nft list ruleset`: some filter chain on incoming packets drops or rejects, by its policy or by a rule of its own. */
export function nftFilters(ruleset: string): boolean {
  return chainsOf(ruleset).some(({ isInput, body }) => isInput && /\b(?:drop|reject)\b/.test(body))
}

function chainsOf(ruleset: string): readonly { isInput: boolean; body: string }[] {
  return ruleset
    .split(/^\s*chain /m)
    .slice(1)
    .map((body) => ({
      isInput: /\btype filter hook (?:input|ingress|prerouting)\b/.test(body),
      body,
    }))
}

/** `ufw status`. */
export function ufwFilters(status: string): boolean {
  return /^Status: active$/m.test(status)
}

/** `firewall-cmd --state`. */
export function firewalldFilters(state: string): boolean {
  return state.trim() === 'running'
}
