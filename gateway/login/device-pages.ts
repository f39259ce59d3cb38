/**
 * The pages of an enrolment: the code, the device, the confirmation.
 */
import { type Html, html } from './html.ts'
import { problemLine } from './login-pages.ts'
import type { Page } from './look.ts'

/** What a page shows of a device that waits. */
export type DeviceShown = {
  readonly name: string
  readonly sourceAddress: string
  readonly keyWords: string
  /** Address that the browser comes from. */
  readonly browserAddress: string
}

/** Asks for the code. `problem` says what was wrong with the last one. */
export function codePage(csrf: string, problem?: string): Page {
  return {
    title: 'Connect a device',
    body: html`${problemLine(problem)}<p>Type the code that your own terminal shows. Nobody else will ever ask you to type one here.</p>
<form method="post" action="/device">
<input type="hidden" name="csrf" value="${csrf}">
<p><label>Code<br><input class="code" name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20" required autofocus></label></p>
<p><button type="submit">Continue</button></p>
</form>`,
  }
}

/** Shows which device asks, before anybody logs in. @param choices ways to log in. */
export function devicePage(device: DeviceShown, choices: Html): Page {
  return {
    title: 'Is this your device?',
    body: html`${deviceDetails(device)}
<p>Go on only if these words stand in your terminal right now.</p>
${choices}`,
  }
}

/** Asks the person who logged in to confirm, naming device and account. */
export function confirmPage(
  device: DeviceShown,
  { email, csrf }: { readonly email: string; readonly csrf: string },
): Page {
  return {
    title: 'Confirm this device',
    body: html`<dl><dt>Account</dt><dd>${email}</dd></dl>
${deviceDetails(device)}
<p>The device will act as this account.</p>
<form method="post" action="/device/confirm">
<input type="hidden" name="csrf" value="${csrf}">
<p><button type="submit" name="decision" value="approve">Confirm</button>
<button type="submit" class="quiet" name="decision" value="deny">Deny</button></p>
</form>`,
  }
}

function deviceDetails(device: DeviceShown): Html {
  return html`${elsewhereWarning(device)}<dl>
<dt>Device</dt><dd>${device.name}</dd>
<dt>Asked from</dt><dd>${device.sourceAddress}</dd>
<dt>Words in its terminal</dt><dd>${device.keyWords}</dd>
</dl>`
}

/** Says so when device and browser do not come from one address. */
export function elsewhereWarning({
  sourceAddress,
  browserAddress,
}: Pick<DeviceShown, 'sourceAddress' | 'browserAddress'>): Html {
  if (browserAddress === sourceAddress) return html``
  return html`<p class="warning" role="alert">The device comes from another address (${sourceAddress}) than this browser (${browserAddress}). If you did not expect that, close this page: somebody may want you to connect their device.</p>`
}
