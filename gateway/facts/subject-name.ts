/** What a subject is called in records and certificates. Pure. */
import type { Facts } from '../policy/facts.ts'

/** A person's address, or the name of a service, which never has an `@`: neither can pass for the other. */
export function subjectName({ service, email }: Facts['subject']): string {
  return service?.name ?? email
}
