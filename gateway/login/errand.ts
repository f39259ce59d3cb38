/**
 * What a login is for, as the steps between choice and arrival see it: each purpose has its own beginning and end.
 */
import type { FastifyReply } from 'fastify'
import type { LoginContext } from '../identity/identity.ts'
import type { LoginWish } from '../identity/identity-provider.ts'
import type { User } from '../store/store.ts'

/** Somebody who has logged in. */
export type Arrival = { readonly user: User; readonly login: LoginContext }

/** A purpose that still stands. */
export type Errand = {
  readonly wish: LoginWish
  /** Goes on with whoever logged in. */
  readonly arrive: (reply: FastifyReply, arrival: Arrival) => Promise<void>
}
