/**
 * External evaluators as policy writes them. The table also makes the reference page.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { defaulted, mapping, optional, required } from '#lib/config/mapping-shape'
import { checked, mapped, type Shape, text } from '#lib/config/shape'
import { duration, httpsUrl, name } from '#lib/config/text-shapes'
import type { Evaluator } from './document.ts'

/** A flow waits for the answer: longer helps nobody. */
const LONGEST_TIMEOUT_MS = 10_000

const publicKey = text('a P-256 public key, PEM', (value) =>
  readKey(value)?.asymmetricKeyDetails?.namedCurve === 'prime256v1'
    ? { value }
    : { wrong: 'this is not the PEM text of a P-256 public key' },
)
const certificates = text('certificates, PEM', (value) =>
  value.includes('-----BEGIN CERTIFICATE-----')
    ? { value }
    : { wrong: 'this is not the PEM text of a certificate' },
)
const timeout = checked(duration, (ms, path) =>
  ms <= LONGEST_TIMEOUT_MS ? [] : [{ path, message: 'a flow waits for 10s at most' }],
)

/** The shape of one evaluator. */
export const evaluatorShape: Shape<Evaluator> = mapped(
  mapping(
    {
      name: required(name, 'What the selector `external` calls it.'),
      url: required(httpsUrl, 'Where it is asked, by POST; redirections are not followed.'),
      public_key: required(publicKey, 'With which its answers are signed (ES256).'),
      timeout: defaulted(
        timeout,
        'Longest wait, at most `10s`; then the answer is not known.',
        2000,
        '2s',
      ),
      ca: optional(certificates, 'CAs that vouch for it; without them those of the system.'),
    },
    'an external evaluator',
  ),
  ({ name: of, url, public_key, timeout: timeoutMs, ca }) => ({
    ...{ name: of, url, publicKey: public_key, timeoutMs },
    ...(ca !== undefined && { ca }),
  }),
)

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem)
  } catch {
    return undefined
  }
}
