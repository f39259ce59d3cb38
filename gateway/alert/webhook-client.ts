/** Sends alerts to a webhook. */
import { providerFetch } from '../identity/provider-fetch-client.ts'
import type { Alert } from './alert.ts'
import { SIGNATURE_HEADER, webhookSignature } from './webhook.ts'

/** A receiver that is slower has not taken the alert, ms. */
const TIMEOUT_MS = 10_000

export type WebhookOptions = {
  readonly url: string
  readonly secret: string
  /** PEM. */
  readonly ca?: string
  /** Unix milliseconds. */
  readonly now: () => number
}

/** @returns what delivers one alert; it rejects unless the receiver answers 2xx. */
export function openWebhook({ url, secret, ca, now }: WebhookOptions) {
  const fetch = providerFetch(ca)
  return async (alert: Alert): Promise<void> => {
    const body = JSON.stringify(alert)
    const signature = webhookSignature(secret, Math.floor(now() / 1000), body)
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      headers: { 'content-type': 'application/json', [SIGNATURE_HEADER]: signature },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    await response.body?.cancel()
    if (!response.ok) throw new Error(`the webhook answered ${response.status}`)
  }
}
