/**
 * What a login is for, as the steps between choice and arrival see it: each purpose has its own beginning and end.
 */
import type { FastifyReply } from 'fastify'
import type { LoginContext } from '../identity/identity.ts'
import type { LoginWish } from '../identity/identity-provider.ts'
import type { User } from '../store/store.ts'

/** Somebody who has logged in, now or earlier. */
export type Arrival = { readonly user: User; readonly login: LoginContext }

/** A purpose that still stands. */
export type Errand = {
  readonly wish: LoginWish
  /** Who must log in, where that is known. */
  readonly forUserId?: string
  /** Whether an earlier login of this browser may serve, so that it is offered. */
  readonly accepts: (earlier: Arrival) => boolean
  /** Goes on with whoever logged in. */
  readonly arrive: (reply: FastifyReply, arrival: Arrival) => Promise<void>
}
