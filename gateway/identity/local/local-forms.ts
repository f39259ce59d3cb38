/**
 * The forms of the local directory, and what they say when something is wrong. One text for a wrong password, an unknown
 * address and a disabled account: the answer must not tell who has an account.
 */
import type { Form } from '../identity-provider.ts'
import { PASSWORD_MIN } from './password-rules.ts'

export const LOGIN_FORM: Form = {
  title: 'Log in',
  fields: [
    { name: 'email', label: 'Email address', type: 'email', autocomplete: 'username' },
    { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' },
  ],
  submit: 'Log in',
}

export const CHANGE_FORM: Form = {
  title: 'Choose a password',
  explanation: `The password you used was handed out by an administrator. Choose your own, of at least ${PASSWORD_MIN} characters.`,
  fields: [
    {
      name: 'new_password',
      label: 'New password',
      type: 'password',
      autocomplete: 'new-password',
    },
    {
      name: 'again',
      label: 'The same once more',
      type: 'password',
      autocomplete: 'new-password',
    },
  ],
  submit: 'Change password and log in',
}

export const PROBLEMS = {
  wrong: 'Email address or password is not right.',
  tooMany: 'Too many tries. Wait some minutes, then try again.',
  busy: 'Many people are logging in right now. Try again in a moment.',
  startAgain: 'This took too long, or the password was changed meanwhile. Log in again.',
  notTheSame: 'The two entries differ. Type the same password twice.',
  old: 'This is the password you were given. Choose another.',
} as const
