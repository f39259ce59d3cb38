/**
 * Identity provider of kind `pin`: who reads the mail of an address is that address. Whether it may have a PIN shows
 * neither in the answers nor in their time: the same is done for every address, and the mail is sent afterwards.
 */

import { z } from 'zod'
import type { Log } from '#lib/log'
import { sourceKey } from '#lib/net/source-key'
import { openRateGate, type RateGate } from '../../login/rate-limit.ts'
import type { Store } from '../../store/store.ts'
import { ask } from '../ask.ts'
import { parseEmail } from '../email.ts'
import { openGuesses, type TakeGuess } from '../guesses.ts'
import type { Form, FormProvider, FormStep } from '../identity-provider.ts'
import type { PostMail } from './mail-client.ts'
import { openPins, type Pins } from './pins.ts'

export type PinProviderOptions = {
  readonly name: string
  readonly organisation: string
  /** Addresses and domains that get a PIN, lower case. */
  readonly allow: readonly string[]
}

export type PinProviderDeps = {
  readonly store: Pick<Store, 'guesses'>
  readonly post: PostMail
  /** Unix milliseconds. */
  readonly now: () => number
  readonly log: Log
}

/** PINs asked for: each may be a mail in somebody's box. */
const REQUESTS = { perSource: 10, global: 300, windowSeconds: 600 }

const EMAIL_FORM: Form = {
  title: 'Log in with a PIN by mail',
  fields: [{ name: 'email', label: 'Email address', type: 'email', autocomplete: 'email' }],
  submit: 'Send a PIN',
}
const PIN_FORM: Form = {
  title: 'Type the PIN',
  explanation:
    'If this address may log in here, a mail with six digits is on its way. The PIN works once, for ten minutes, in this browser.',
  fields: [{ name: 'pin', label: 'PIN', type: 'text', autocomplete: 'one-time-code' }],
  submit: 'Log in',
}
const PROBLEMS = {
  noAddress: 'This is not a plain email address.',
  tooMany: 'Too many tries. Wait some minutes, then try again.',
  wrong: 'This PIN is not right.',
  over: 'This PIN has expired, was used, or was tried too often. Ask for another.',
} as const

const waiting = z.strictObject({ step: z.literal('pin'), id: z.string() })

type Typed = ReadonlyMap<string, string>
type Provider = PinProviderOptions &
  PinProviderDeps & { readonly pins: Pins; readonly take: TakeGuess; readonly mayAsk: RateGate }

export function openPinProvider(options: PinProviderOptions, deps: PinProviderDeps): FormProvider {
  const { name } = options
  const provider: Provider = {
    ...options,
    ...deps,
    pins: openPins(deps.now),
    take: openGuesses(name, deps.store, deps.now),
    mayAsk: openRateGate(REQUESTS),
  }
  return {
    kind: 'form',
    name,
    begin: () => askForEmail(),
    answer: async (typed, pending, source) => {
      const { data } = waiting.safeParse(pending)
      return data === undefined
        ? sendPin(provider, typed, source)
        : takePin(provider, data.id, typed, source)
    },
  }
}

async function sendPin(provider: Provider, typed: Typed, source: string): Promise<FormStep> {
  const { pins, post, now, log, organisation, allow } = provider
  if (!(await provider.mayAsk(source))) return askForEmail(PROBLEMS.tooMany)
  const email = parseEmail(typed.get('email')?.trim() ?? '')
  if (email === undefined) return askForEmail(PROBLEMS.noAddress)
  const isAllowed = isAllowedBy(allow, email)
  const { id, pin } = pins.issue({ email, source: sourceKey(source), isAllowed })
  if (pin !== undefined) post({ to: email, pin, organisation, source, askedAtMs: now() })
  log.info({ provider: provider.name, source, email, mailed: pin !== undefined }, 'PIN asked for')
  return askForPin(id)
}

function takePin(provider: Provider, id: string, typed: Typed, source: string): FormStep {
  const { pins, name, log, now } = provider
  const email = pins.emailOf(id)
  if (email === undefined) return askForEmail(PROBLEMS.over)
  const guess = provider.take(email, source)
  if (guess === undefined)
    return refuse(provider, source, 'too_many_tries', askForPin(id, PROBLEMS.tooMany))
  const redeemed = pins.redeem(id, typed.get('pin')?.replaceAll(' ', '') ?? '')
  if (redeemed === 'over') return askForEmail(PROBLEMS.over)
  if (redeemed === 'wrong') {
    return refuse(provider, source, 'wrong_pin', askForPin(id, PROBLEMS.wrong))
  }
  guess.right()
  log.info({ provider: name, source, email }, 'PIN accepted')
  const who = { provider: name, providerSubject: email, email, name: email, groups: [], claims: {} }
  return { kind: 'done', identity: { ...who, login: { atMs: now(), amr: ['otp'] } } }
}

function refuse({ log, name }: Provider, source: string, reason: string, step: FormStep): FormStep {
  log.warn({ provider: name, source, reason }, 'PIN refused')
  return step
}

/** A domain covers its own addresses, not those of the domains below it. */
function isAllowedBy(allow: readonly string[], email: string): boolean {
  return allow.includes(email) || allow.includes(email.slice(email.indexOf('@') + 1))
}

function askForEmail(problem?: string) {
  return ask(EMAIL_FORM, { step: 'email' }, problem)
}

function askForPin(id: string, problem?: string) {
  return ask(PIN_FORM, { step: 'pin', id }, problem)
}
