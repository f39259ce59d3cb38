/**
 * An identity provider that shares no code with ours: Debian's pysaml2.
 */
import { fileURLToPath } from 'node:url'
import { runProgram } from './run-program.ts'
import { ENTITY_ID, type IdpKey } from './saml-idp.ts'

const PROGRAM = fileURLToPath(new URL('../../../test/support/pysaml2_idp.py', import.meta.url))

/** It takes a second of computing, on a busy machine many more of waiting. */
const LIMIT_MS = 60_000

export type Asked = {
  readonly key: IdpKey
  /** Metadata of the service provider. */
  readonly metadata: string
  /** Where the browser was sent. */
  readonly url: string
  readonly nameId: string
  readonly attributes: Readonly<Record<string, readonly string[]>>
  readonly signResponse?: boolean
  readonly wantSigned?: boolean
  readonly hash?: 'sha1' | 'sha256' | 'sha512'
}

export type Answered = {
  /** Where the browser shall post. */
  readonly acs: string
  readonly response: string
  readonly relayState: string
  readonly forced: boolean
}

const SIGNATURES = {
  sha1: ['http://www.w3.org/2000/09/xmldsig#rsa-sha1', 'http://www.w3.org/2000/09/xmldsig#sha1'],
  sha256: [
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'http://www.w3.org/2001/04/xmlenc#sha256',
  ],
  sha512: [
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
    'http://www.w3.org/2001/04/xmlenc#sha512',
  ],
} as const

/** What the provider answers to a browser that we sent there. @throws {Error} when it refuses our request. */
export async function askPysaml2({
  key,
  url,
  signResponse = false,
  wantSigned = false,
  hash = 'sha256',
  ...rest
}: Asked): Promise<Answered> {
  const [signAlgorithm, digestAlgorithm] = SIGNATURES[hash]
  const { origin, pathname, search } = new URL(url)
  const told = {
    ...rest,
    entityId: ENTITY_ID,
    entryPoint: `${origin}${pathname}`,
    query: search.slice(1),
    key: key.keyPem,
    certificate: key.certPem,
    signResponse,
    wantSigned,
    signAlgorithm,
    digestAlgorithm,
  }
  // By its path: another Python may come first in PATH, and would not know Debian's packages.
  const answer = await runProgram(['/usr/bin/python3', PROGRAM], JSON.stringify(told), LIMIT_MS)
  if (answer.code !== 0) throw new Error(`pysaml2 (${answer.code}): ${answer.stderr.slice(-2000)}`)
  return JSON.parse(answer.stdout) as Answered
}
