/** A real SMTP server in this process, with its own CA; keeps what it gets. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { throwawayCa } from './throwaway-ca.ts'

export type ReceivedMail = { readonly to: string; readonly from: string; readonly text: string }

export type MailServer = {
  readonly port: number
  readonly caPem: string
  /** Everything received so far. */
  readonly mails: readonly ReceivedMail[]
  /** The next mail that has not been taken. */
  next(): Promise<ReceivedMail>
}

export const MAIL_USER = 'gateway'
export const MAIL_PASSWORD = 'the mail password'

/** Wants a login over TLS unless `change` says otherwise; ends with the test. */
export async function startMailServer(
  t: ExecutionContext,
  change: SMTPServerOptions = {},
): Promise<MailServer> {
  const ca = await throwawayCa('Mail CA')
  const { certPem, keyPem } = await ca.issue('127.0.0.1')
  const mails: ReceivedMail[] = []
  const waiting: ((mail: ReceivedMail) => void)[] = []
  let taken = 0
  const server = new SMTPServer({
    cert: certPem,
    key: keyPem,
    authMethods: ['PLAIN'],
    onAuth({ username, password }, _session, done) {
      const isRight = username === MAIL_USER && password === MAIL_PASSWORD
      if (isRight) done(null, { user: username })
      else done(new Error('wrong login'))
    },
    onData(stream, { envelope }, done) {
      text(stream).then((message) => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        const to = envelope.rcptTo.map(({ address }) => address).join()
        const mail = { to, from, text: message }
        mails.push(mail)
        const next = waiting.shift()
        if (next !== undefined) {
          taken += 1
          next(mail)
        }
        done()
      }, done)
    },
    ...change,
  })
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  t.teardown(() => new Promise<void>((resolve) => void server.close(() => resolve())))
  const { port } = server.server.address() as AddressInfo
  return {
    port,
    caPem: ca.caPem,
    mails,
    next: () => {
      const mail = mails[taken]
      if (mail === undefined) return new Promise((resolve) => waiting.push(resolve))
      taken += 1
      return Promise.resolve(mail)
    },
  }
}
