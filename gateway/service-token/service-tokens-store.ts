/**
 * The service tokens of this gateway: made, rotated, disabled, and checked when a service shows one. A token stands as a
 * user too, so that its devices are registered, listed and cut as everybody's.
 */
import type { ServiceCredentials } from '#lib/enrol/service-credentials'
import { err, ok, type Result } from '#lib/result'
import type { ServiceIdentity } from '../policy/facts.ts'
import type { Store, User } from '../store/store.ts'
import { checkSecret, type TokenRefusal } from './check-credentials.ts'
import {
  type IssuedToken,
  newServiceToken,
  rotateToken,
  SERVICE_PROVIDER,
  type ServiceToken,
  serviceIdentity,
  serviceOf,
  tokenRefusal,
} from './service-token.ts'

/** How exactly the last use is stored, ms. */
const USE_RESOLUTION_MS = 60_000

export type ServiceTokensDeps = {
  readonly store: Pick<Store, 'serviceTokens' | 'users'>
  /** Unix milliseconds. */
  readonly now: () => number
}

export interface ServiceTokens {
  /** Makes a token. @returns it with its secret; nothing when the name is taken. */
  create(name: string, lifetimeMs: number): IssuedToken | undefined
  /** See `rotateToken`; nothing when there is no such token, here and below. */
  rotate(id: string, terms: Parameters<typeof rotateToken>[1]): IssuedToken | undefined
  /** Takes a token out of use, or back into it. The change is still to be told. */
  setDisabled(id: string, isDisabled: boolean): ServiceToken | undefined
  list(): readonly ServiceToken[]
  /** Whether these are the credentials of a token that is good now. */
  check(credentials: ServiceCredentials): Result<ServiceToken, TokenRefusal>
  /** The user that stands for a token. */
  userOf(token: ServiceToken): User
  /** The service behind a user, as policy is told of it; undefined for a person. */
  identityOf(user: User): ServiceIdentity | undefined
  /** Notes that a service of this user goes on; refuses when its token is not good now. Persons pass. */
  use(user: User): Result<void, TokenRefusal>
  /** Calls `listener` after a token was rotated, disabled or enabled. @returns a function that ends this. */
  onChange(listener: () => void): () => void
}

export function openServiceTokens({ store, now }: ServiceTokensDeps): ServiceTokens {
  const { serviceTokens } = store
  const listeners = new Set<() => void>()

  function used(token: ServiceToken): ServiceToken {
    const { lastUsedAtMs = Number.NEGATIVE_INFINITY } = token
    if (now() - lastUsedAtMs < USE_RESOLUTION_MS) return token
    return kept({ ...token, lastUsedAtMs: now() })
  }
  function kept(token: ServiceToken): ServiceToken {
    serviceTokens.replace(token)
    return token
  }
  function changed(token: ServiceToken): ServiceToken {
    kept(token)
    for (const listener of [...listeners]) listener()
    return token
  }

  return {
    create(name, lifetimeMs) {
      const issued = newServiceToken(name, lifetimeMs, now())
      return serviceTokens.insert(issued.token) ? issued : undefined
    },
    rotate(id, terms) {
      const token = serviceTokens.get(id)
      if (token === undefined) return undefined
      const issued = rotateToken(token, terms, now())
      changed(issued.token)
      return issued
    },
    setDisabled(id, isDisabled) {
      const token = serviceTokens.get(id)
      if (token === undefined || (token.disabledAtMs !== undefined) === isDisabled) return token
      const { disabledAtMs: _, ...enabled } = token
      return changed(isDisabled ? { ...enabled, disabledAtMs: now() } : enabled)
    },
    list: () => serviceTokens.list(),
    check({ id, secret }) {
      const checked = checkSecret(serviceTokens.get(id), secret, now())
      return checked.ok ? ok(used(checked.value)) : checked
    },
    userOf: ({ id, name }) =>
      store.users.upsert({
        provider: SERVICE_PROVIDER,
        providerSubject: id,
        email: '',
        name,
        groups: [],
        claims: {},
        login: { atMs: now() },
      }),
    identityOf(user) {
      const service = serviceOf(user)
      const token = service && serviceTokens.get(service.tokenId)
      if (token !== undefined) return serviceIdentity(token)
      return service && { ...service, isDisabled: true }
    },
    use(user) {
      const service = serviceOf(user)
      if (service === undefined) return ok(undefined)
      const token = serviceTokens.get(service.tokenId)
      if (token === undefined) return err('service_token_disabled')
      const refusal = tokenRefusal(token, now())
      if (refusal !== undefined) return err(refusal)
      used(token)
      return ok(undefined)
    },
    onChange(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
  }
}
