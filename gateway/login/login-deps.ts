/**
 * What the login origin works on.
 */
import type { EnrolReason, Renewed, RenewRequest } from '#lib/api/enrol-api'
import type { Log } from '#lib/log'
import type { Result } from '#lib/result'
import type { AccessChange } from '../access-change.ts'
import type { Enrolments } from '../enrol/enrolments.ts'
import type { IdentityProvider } from '../identity/identity-provider.ts'
import type { PromptDesk } from '../prompt/prompts.ts'
import type { Sessions } from '../session/sessions-store.ts'
import type { SshAuthorities } from '../ssh-ca/ssh-authorities-store.ts'
import type { Store } from '../store/store.ts'
import type { GlobalSessions } from './global-session.ts'
import type { JourneyKey } from './journey-cookie.ts'
import type { Branding, Look } from './look.ts'
import type { RateGate, RateLimit } from './rate-limit.ts'

/** What comes from outside the login origin. */
export type LoginParts = {
  /** Origin of the listener, as in its configured url. */
  readonly url: URL
  /** How every page looks. */
  readonly branding: Branding
  /** At least one. */
  readonly providers: readonly IdentityProvider[]
  readonly enrolments: Enrolments
  readonly prompts: PromptDesk
  readonly store: Pick<Store, 'users' | 'browserSessions'>
  readonly sessions: Pick<Sessions, 'loginsNotBefore'>
  /** Life of a global session, ms; 0 = there are none. */
  readonly globalSessionMs: number
  /** Told when somebody's groups or claims may have changed. */
  readonly tell: (change: AccessChange) => void
  /** `renewDevice`, with the audience of this listener. */
  readonly renew: (request: RenewRequest) => Promise<Result<Renewed, EnrolReason>>
  readonly gatewayCaPem: string
  readonly sshAuthorities: Pick<SshAuthorities, 'trusted' | 'revocationFile'>
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: Log
}

/** Who may ask how often; every gate stands before anything costly. */
export type LoginLimits = {
  /** New device codes: each costs a signature check and a row. */
  readonly begin: RateLimit
  readonly poll: RateLimit
  readonly renew: RateLimit
  /** Enrolments by service tokens, by source. */
  readonly service: RateLimit
  /** The same by token: more than one source has, so that one source cannot use up a token's share. */
  readonly serviceToken: RateLimit
  /** Codes typed: with 43 bits and at most `begin.global` × 10 codes alive, guessing takes decades. */
  readonly userCode: RateLimit
  /** Pages looked at that cost little: many people may share one address. */
  readonly page: RateLimit
  /** Steps of a login: trips to a provider and back, forms. */
  readonly login: RateLimit
}

export const LOGIN_LIMITS: LoginLimits = {
  begin: { perSource: 20, global: 200, windowSeconds: 60 },
  poll: { perSource: 600, global: 6000, windowSeconds: 60 },
  renew: { perSource: 60, global: 1000, windowSeconds: 60 },
  service: { perSource: 30, global: 1000, windowSeconds: 60 },
  serviceToken: { perSource: 300, global: 1000, windowSeconds: 60 },
  userCode: { perSource: 20, global: 1000, windowSeconds: 600 },
  page: { perSource: 600, global: 6000, windowSeconds: 60 },
  login: { perSource: 120, global: 1000, windowSeconds: 60 },
}

export type LoginGates = Readonly<Record<keyof LoginLimits, RateGate>>

export type LoginDeps = LoginParts & {
  readonly look: Look
  readonly gates: LoginGates
  readonly globalSessions: GlobalSessions
  readonly journeyKey: JourneyKey
  /** Key of `derivedToken`. */
  readonly formKey: Uint8Array
}
