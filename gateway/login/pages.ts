/**
 * The pages of the login origin, as text. No script, no outside resource, nothing framed.
 */
import { createHash } from 'node:crypto'
import { type Html, html } from './html.ts'

const STYLE = html`body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1c2330;background:#fff}
h1{font-size:1.4rem}dt{color:#5a6475;font-size:.85rem}dd{margin:0 0 .8rem;font-weight:600;overflow-wrap:anywhere}
input{font:inherit;padding:.5rem;width:14rem;letter-spacing:.1em;text-transform:uppercase}
button,.button{font:inherit;padding:.5rem 1.2rem;border:1px solid #1c4fd7;border-radius:.3rem;background:#1c4fd7;color:#fff;text-decoration:none}
button.quiet{background:#fff;color:#1c2330;border-color:#aab2c0}.warning{border-left:.3rem solid #c43d00;padding:.2rem .8rem;background:#fff4ec}`

/** Stricter than the listener's: not even inline style but this one. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE.text).digest('base64')}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`

/** What a page shows of a device that waits. */
export type DeviceShown = {
  readonly name: string
  readonly sourceAddress: string
  readonly keyWords: string
  /** Address that the browser comes from. */
  readonly browserAddress: string
}

function page(title: string, organisation: string, body: Html): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title} · ${organisation}</title><style>${STYLE}</style></head>
<body><p>${organisation}</p><h1>${title}</h1>
${body}
</body></html>
`.text
}

/** Asks for the code. `problem` says what was wrong with the last one. */
export function codePage(organisation: string, csrf: string, problem = ''): string {
  const warning = problem === '' ? html`` : html`<p class="warning" role="alert">${problem}</p>`
  return page(
    'Connect a device',
    organisation,
    html`${warning}<p>Type the code that your own terminal shows. Nobody else will ever ask you to type one here.</p>
<form method="post" action="/device">
<input type="hidden" name="csrf" value="${csrf}">
<p><label>Code<br><input name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20" required autofocus></label></p>
<p><button type="submit">Continue</button></p>
</form>`,
  )
}

/** Shows which device asks, before anybody logs in. */
export function devicePage(
  organisation: string,
  device: DeviceShown,
  providers: readonly string[],
): string {
  const links = providers.map((name) => {
    const query = new URLSearchParams({ provider: name }).toString()
    return html`<p><a class="button" href="/device/login?${query}">Log in with ${name}</a></p>\n`
  })
  return page(
    'Is this your device?',
    organisation,
    html`${deviceDetails(device)}
<p>Go on only if these words stand in your terminal right now.</p>
${links}`,
  )
}

/** Asks the person who logged in to confirm, naming device and account. */
export function confirmPage(
  organisation: string,
  device: DeviceShown,
  { email, csrf }: { readonly email: string; readonly csrf: string },
): string {
  return page(
    'Confirm this device',
    organisation,
    html`<dl><dt>Account</dt><dd>${email}</dd></dl>
${deviceDetails(device)}
<p>The device will act as this account.</p>
<form method="post" action="/device/confirm">
<input type="hidden" name="csrf" value="${csrf}">
<p><button type="submit" name="decision" value="approve">Confirm</button>
<button type="submit" class="quiet" name="decision" value="deny">Deny</button></p>
</form>`,
  )
}

/** Says how it ended. */
export function messagePage(organisation: string, title: string, message: string): string {
  return page(title, organisation, html`<p>${message}</p>`)
}

function deviceDetails(device: DeviceShown): Html {
  const elsewhere =
    device.browserAddress === device.sourceAddress
      ? html``
      : html`<p class="warning" role="alert">The device comes from another address (${device.sourceAddress}) than this browser (${device.browserAddress}). If you did not expect that, close this page: somebody may want you to connect their device.</p>`
  return html`${elsewhere}<dl>
<dt>Device</dt><dd>${device.name}</dd>
<dt>Asked from</dt><dd>${device.sourceAddress}</dd>
<dt>Words in its terminal</dt><dd>${device.keyWords}</dd>
</dl>`
}
