/**
 * Which errand a purpose is.
 */
import { enrolmentErrand } from './enrolment-errand.ts'
import type { Errand } from './errand.ts'
import type { Purpose } from './journey.ts'
import type { LoginDeps } from './login-deps.ts'
import { promptErrand } from './prompt-errand.ts'

/** The errand of a purpose; undefined when there is nothing left to log in for. */
export function errandOf(deps: LoginDeps, purpose: Purpose): Errand | undefined {
  switch (purpose.for) {
    case 'enrolment':
      return enrolmentErrand(deps, purpose)
    case 'prompt':
      return promptErrand(deps, purpose)
  }
}
