/**
 * What a program says about itself while it runs. Fields are data for a machine, the message is for a person.
 * Passwords, tokens, keys and recorded bytes never go in; who may see a log is not who may see a session.
 */
export interface Log {
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

/** Named values of one log line. */
export type LogFields = Readonly<Record<string, unknown>>
