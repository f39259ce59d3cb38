/**
 * Sends mails over SMTP, in the background: whoever asks for one learns nothing of whether and how it was sent.
 */
import { randomInt } from 'node:crypto'
import { createTransport, type Transporter } from 'nodemailer'
import type { Log } from '#lib/log'
import { errorCode } from '../login-error.ts'
import { type PinMail, pinMail } from './pin-mail.ts'

export type MailOptions = {
  readonly host: string
  readonly port: number
  /** `required`: TLS at once; `starttls`: TLS or no mail; `none`: plain. */
  readonly tls: 'required' | 'starttls' | 'none'
  readonly login?: { readonly user: string; readonly password: string }
  readonly caPem?: string
  /** Sender address. */
  readonly from: string
  /** Of the whole delivery, ms; tests take less. */
  readonly timeoutMs?: number
}

/** Hands a mail over; never throws and says nothing. */
export type PostMail = (mail: PinMail) => void

/** A server that takes longer is given up, ms. */
const TIMEOUT_MS = 30_000
/** Mails on their way at once; above it they are dropped and the log says so. */
const AT_ONCE = 50
/** The work of a mail begins after the answer to the browser has left, at no certain time, ms. */
const DELAY_MS = { least: 50, most: 250 }

/** Nothing is connected before the first mail. */
export function openMailer(options: MailOptions, log: Log): PostMail {
  const transport = transportFor(options)
  let onTheirWay = 0
  return (mail) => {
    if (onTheirWay >= AT_ONCE) {
      log.error({ to: mail.to, reason: 'too_many_mails' }, 'mail not sent')
      return
    }
    onTheirWay += 1
    const deliver = async (): Promise<void> => {
      await send(transport, options, mail, log)
      onTheirWay -= 1
    }
    setTimeout(deliver, randomInt(DELAY_MS.least, DELAY_MS.most)).unref()
  }
}

function transportFor({ host, port, tls, login, caPem, timeoutMs = TIMEOUT_MS }: MailOptions) {
  return createTransport({
    host,
    port,
    secure: tls === 'required',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    tls: { minVersion: 'TLSv1.2', ...(caPem !== undefined && { ca: caPem }) },
    ...(login && { auth: { user: login.user, pass: login.password } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

/** Never rejects. */
async function send(
  transport: Transporter,
  { from, timeoutMs = TIMEOUT_MS }: MailOptions,
  mail: PinMail,
  log: Log,
): Promise<void> {
  try {
    await transport.sendMail({
      from: { name: mail.organisation, address: from },
      to: { name: '', address: mail.to },
      ...pinMail(mail),
      // RFC 3834 section 5: nobody's vacation answers this.
      headers: { 'Auto-Submitted': 'auto-generated' },
      signal: AbortSignal.timeout(timeoutMs),
    })
    log.info({ to: mail.to }, 'mail sent')
  } catch (error) {
    log.error({ to: mail.to, error: errorCode(error) }, 'mail not sent')
  }
}
