/**
 * A real OpenID provider (oidc-provider) over HTTPS with its own CA, for tests, rig and demo; and the person who logs in there.
 * Accounts come with the call; the login form needs no JavaScript; consent is granted by itself.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import Provider, { type Configuration, type KoaContextWithOIDC } from 'oidc-provider'
import { Browser, type PageShown } from './browser.ts'
import { type ThrowawayCa, throwawayCa } from './throwaway-ca.ts'

export type IdpAccount = {
  readonly email: string
  readonly password: string
  readonly name: string
  readonly groups: readonly string[]
  /** What the provider says about the address; true when absent. */
  readonly emailVerified?: boolean
}

export type IdpOptions = {
  /** Address to listen on, and the issuer's host; the certificate is for it. */
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  readonly accounts: readonly IdpAccount[]
  /** Exact redirect URI of the one client: `<login url>/oidc/callback`. */
  readonly redirectUri: string
  /** Fixed client secret, for example one that stands in a file already; random when absent. */
  readonly clientSecret?: string
  /** Signs the provider's certificate; its own when absent. */
  readonly ca?: ThrowawayCa
}

export type Idp = {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** CA of the provider's certificate. */
  readonly caPem: string
  close(): Promise<void>
}

const CLIENT_ID = 'zt'

/** Starts the provider; the promise resolves when it answers. */
export async function startIdp(options: IdpOptions): Promise<Idp> {
  const ca = options.ca ?? (await throwawayCa('Demo identity provider CA'))
  const { certPem, keyPem } = await ca.issue(options.host)
  const server = createServer({ cert: certPem, key: keyPem })
  const port = await listen(server, options.host, options.port)
  const clientSecret = options.clientSecret ?? randomBytes(24).toString('base64url')
  const issuer = `https://${options.host}:${port}`
  const provider = new Provider(issuer, configuration(options, clientSecret))
  const oidc = provider.callback()
  server.on('request', (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return oidc(request, response)
    return interact(provider, options.accounts, request, response).catch((error: unknown) => {
      response.writeHead(400, { 'content-type': 'text/plain' }).end(String(error))
    })
  })
  return { issuer, clientId: CLIENT_ID, clientSecret, caPem: ca.caPem, close: () => close(server) }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

function configuration(options: IdpOptions, clientSecret: string): Configuration {
  return {
    clients: [
      { client_id: CLIENT_ID, client_secret: clientSecret, redirect_uris: [options.redirectUri] },
    ],
    scopes: ['openid', 'email', 'profile', 'groups'],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      groups: ['groups'],
    },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_context, sub) => {
      const account = options.accounts.find((one) => one.email === sub)
      if (account === undefined) return undefined
      const { email, name, groups, emailVerified = true } = account
      const claims = { sub, email, email_verified: emailVerified, name, groups: [...groups] }
      return { accountId: sub, claims: () => claims }
    },
    loadExistingGrant: grantAll,
  }
}

/** Consent is not what we test: every scope asked for is granted. */
async function grantAll(context: KoaContextWithOIDC) {
  const { provider, session, client, params } = context.oidc
  if (session?.accountId === undefined || client === undefined) return undefined
  const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId })
  grant.addOIDCScope(String(params?.['scope'] ?? 'openid'))
  await grant.save()
  return grant
}

async function interact(
  provider: Provider,
  accounts: readonly IdpAccount[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  await provider.interactionDetails(request, response)
  const form = request.method === 'POST' ? await readForm(request) : undefined
  const account = accounts.find((one) => one.email === form?.get('email'))
  if (account === undefined || account.password !== form?.get('password')) {
    const status = form === undefined ? 200 : 401
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(LOGIN_PAGE)
    return
  }
  await provider.interactionFinished(request, response, { login: { accountId: account.email } })
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return new URLSearchParams(text)
}

const LOGIN_PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Log in</title>
<h1>Log in</h1>
<form method="post">
<p><label>Email <input name="email" type="email" autocomplete="username" required></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button type="submit">Log in</button></p>
</form></html>`

export type LoginOptions = {
  readonly verificationUrl: string
  readonly userCode: string
  readonly email: string
  readonly password: string
  /** CAs of gateway and provider, PEM; may hold several. */
  readonly ca: readonly string[]
  /** Address the browser comes from. */
  readonly localAddress?: string
}

/**
 * Does what a person does: opens the page, types the code, logs in, confirms.
 * @returns the last page; its text says what came of it.
 * @throws {Error} when a page offers no next step.
 */
export async function completeLogin(options: LoginOptions): Promise<PageShown> {
  const { ca, localAddress } = options
  const browser = new Browser({ ca, ...(localAddress === undefined ? {} : { localAddress }) })
  const confirm = await loginUpToConfirm(browser, options)
  return browser.submit(formWith(confirm, 'decision'), {}, 'approve')
}

/** The same up to the page that asks for confirmation, which is returned. */
export async function loginUpToConfirm(
  browser: Browser,
  options: Pick<LoginOptions, 'verificationUrl' | 'userCode' | 'email' | 'password'>,
): Promise<PageShown> {
  const start = await browser.open(options.verificationUrl)
  const shown = await browser.submit(formWith(start, 'user_code'), { user_code: options.userCode })
  const link = shown.links.find((href) => new URL(href).pathname === '/login/to')
  if (link === undefined) throw new Error(`no login link (${shown.status}): ${text(shown)}`)
  const login = await browser.open(link)
  const { email, password } = options
  return browser.submit(formWith(login, 'password'), { email, password })
}

/**
 * Does what a person does whose connection waits: opens the page, logs in.
 * @returns the last page; its text says what came of it.
 */
export async function answerPrompt(
  browser: Browser,
  { url, email, password }: Pick<LoginOptions, 'email' | 'password'> & { readonly url: string },
): Promise<PageShown> {
  const shown = await browser.open(url)
  const link = shown.links.find((href) => new URL(href).pathname === '/login/to')
  if (link === undefined) throw new Error(`no login link (${shown.status}): ${text(shown)}`)
  const login = await browser.open(link)
  return browser.submit(formWith(login, 'password'), { email, password })
}

/** The form that has the named field or button. */
export function formWith(page: PageShown, name: string) {
  const form = page.forms.find(
    (one) => name in one.fields || Object.values(one.buttons).includes(name),
  )
  if (form === undefined) throw new Error(`no form with ${name} (${page.status}): ${text(page)}`)
  return form
}

/** What a person reads in a page. */
export function text(page: PageShown): string {
  return page.html
    .replace(/<(style|title)[\s\S]*?<\/\1>/g, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}
