/** Service tokens of the store that forgets at exit. */
import type { ServiceToken } from '../service-token/service-token.ts'
import type { Store } from './store.ts'

export function memoryServiceTokens(): Store['serviceTokens'] {
  const tokens = new Map<string, ServiceToken>()
  return {
    insert(token) {
      if ([...tokens.values()].some(({ name }) => name === token.name)) return false
      if (tokens.has(token.id)) throw new Error(`${token.id} is in the store already`)
      tokens.set(token.id, token)
      return true
    },
    replace(token) {
      if (tokens.get(token.id)?.name !== token.name) throw new Error(`no service token ${token.id}`)
      tokens.set(token.id, token)
    },
    get: (id) => tokens.get(id),
    list: () => [...tokens.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
  }
}
