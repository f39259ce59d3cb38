/**
 * The mail with a PIN. It holds no link: scanners that follow links cannot use it up, and nobody learns to click.
 */

/** What a mail tells. */
export type PinMail = {
  readonly to: string
  readonly pin: string
  readonly organisation: string
  /** Address of the browser that asked. */
  readonly source: string
  /** Unix milliseconds. */
  readonly askedAtMs: number
}

/** Subject and text. The subject stands on locked screens, so the PIN is not in it. */
export function pinMail({ pin, organisation, source, askedAtMs }: PinMail): {
  readonly subject: string
  readonly text: string
} {
  const time = new Date(askedAtMs).toISOString().replace('T', ' ').slice(0, 16)
  return {
    subject: `Login at ${organisation}`,
    text: `Your PIN for logging in at ${organisation}:

    ${pin}

It was asked for at ${time} UTC from the address ${source}. It works once, for
ten minutes, and only in the browser that asked for it.

If that was not you, ignore this mail. Never tell the PIN to anybody.
`,
  }
}
