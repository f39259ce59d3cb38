/**
 * A prompt: a connection waits until its user has done something in a browser. This is the browser's side of it; who
 * waits, and what a login changes, is the desk's matter.
 */
import { err, type Result } from '#lib/result'
import type { LoginContext } from '../identity/identity.ts'
import type { User } from '../store/store.ts'

/** One thing asked of one user. */
export type Prompt = {
  /** Random, unguessable, 16 to 64 characters of base64url: it stands in the address that the user opens. */
  readonly id: string
  readonly deviceId: string
  readonly deviceName: string
  /** Address that the device comes from. */
  readonly sourceAddress: string
  /** Who must do it: the user of the registration. */
  readonly userId: string
  readonly userEmail: string
  readonly application: string
  /** Name of the policy that asks. */
  readonly policy?: string
  /** Destination, as the program asked for it. */
  readonly host: string
  readonly port: number
  readonly remedy: 'login' | 'mfa' | 'justify' | 'approval'
  readonly createdAtMs: number
  readonly expiresAtMs: number
  /** A login older than this does not help, seconds. */
  readonly maxAgeSeconds?: number
  /** Authentication context classes of which the login must have one, best first. */
  readonly acrValues?: readonly string[]
  /** Of remedy `approval`: what to tell those who decide. */
  readonly approval?: { readonly requestId: string; readonly approvers: readonly string[] }
}

/** Why what the user did does not end the prompt. */
export type PromptReason =
  /** Somebody else than the user of the registration. */
  | 'different_user'
  /** Nothing waits any more. */
  | 'prompt_expired'
  /** The login is older than the policy admits. */
  | 'login_too_old'
  /** The login was not done in a way that the policy asks for. */
  | 'login_too_weak'

/** Where prompts wait. */
export interface PromptDesk {
  /** The prompt of this id while something waits for it. */
  find(id: string): Prompt | undefined
  /** The user has logged in; whether that is enough is for the desk to say. */
  loggedIn(prompt: Prompt, user: User, login: LoginContext): Promise<Result<void, PromptReason>>
  /** The user has said what the connection is for. @param purpose 1 to 500 characters on one line. */
  justified(prompt: Prompt, user: User, purpose: string): Promise<Result<void, PromptReason>>
}

/** A desk where nothing ever waits. */
export const NO_PROMPTS: PromptDesk = {
  find: () => undefined,
  loggedIn: async () => err('prompt_expired'),
  justified: async () => err('prompt_expired'),
}
