/**
 * A real browser: Debian's Chromium without a window, driven over its debugging pipe.
 */
/// <reference path="./dom-names.d.ts" />
import type { ExecutionContext, TestFn } from 'ava'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { IdpAccount } from './idp.ts'

const FLAGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** A small telephone. */
const PHONE = { width: 360, height: 640 }
/** No step of ours takes longer, ms: on a busy machine a start of the browser does. */
const STEP_LIMIT_MS = 30_000

export type PageOptions = {
  readonly javaScript?: boolean
}

/** Opens pages, each with cookies of its own, in one browser that starts with the first and ends with the file. */
export function chromiumFor(
  test: TestFn,
): (t: ExecutionContext, options?: PageOptions) => Promise<Page> {
  let browser: Promise<Browser> | undefined
  test.after.always(async () => (await browser)?.close())
  return async (t, { javaScript = true } = {}) => {
    browser ??= chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: FLAGS,
      timeout: STEP_LIMIT_MS,
    })
    const context = await (await browser).newContext({
      // The CAs of a test are its own; that certificates are checked is tested without a browser.
      ignoreHTTPSErrors: true,
      javaScriptEnabled: javaScript,
      viewport: PHONE,
    })
    t.teardown(() => context.close())
    context.setDefaultTimeout(STEP_LIMIT_MS)
    return context.newPage()
  }
}

/** Types the code of a terminal, as far as the page that shows the device. */
export async function typeCode(page: Page, verificationUrl: string, userCode: string) {
  await page.goto(verificationUrl)
  await page.getByLabel('Code').fill(userCode)
  await page.getByRole('button', { name: 'Continue' }).click()
}

/** Chooses a provider and fills the form that follows, there or here. */
export async function logInAt(page: Page, provider: string, { email, password }: IdpAccount) {
  await page.getByRole('link', { name: `Log in with ${provider}` }).click()
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
}

/** What went wrong in the page by the browser's own account, for example a policy that stopped something. */
export function complaintsOf(page: Page): string[] {
  const seen: string[] = []
  page.on('console', (message) => {
    // Browsers ask for an icon on their own.
    const isIcon = message.location().url.endsWith('/favicon.ico')
    if (['error', 'warning'].includes(message.type()) && !isIcon) seen.push(message.text())
  })
  page.on('pageerror', (error) => seen.push(String(error)))
  return seen
}
