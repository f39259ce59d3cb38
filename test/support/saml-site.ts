/**
 * The web site of a SAML identity provider: it logs everybody in as one person, and has the browser post what pysaml2
 * answers.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { IdentityProvider } from '../../gateway/identity/identity-provider.ts'
import { openProvider, type ProviderDeps } from '../../gateway/identity/open-provider-os.ts'
import { startHttps } from './https-target.ts'
import { askPysaml2 } from './pysaml2.ts'
import { ENTITY_ID, idpKey } from './saml-idp.ts'
import { throwawayCa } from './throwaway-ca.ts'

export type SamlSite = {
  /** Our client of it, configured as `kind: saml`, for the login origin. */
  provider(deps: ProviderDeps): IdentityProvider
  /** Forms that it had browsers post. */
  readonly posted: URLSearchParams[]
}

/** Starts the site; its provider's name is `corp-saml`. */
export async function startSamlSite(t: ExecutionContext, nameId: string): Promise<SamlSite> {
  const key = await idpKey()
  const folder = await mkdtemp(join(tmpdir(), 'zt-saml-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const idpCertificatesFile = join(folder, 'idp.pem')
  await writeFile(idpCertificatesFile, key.certPem)
  const posted: URLSearchParams[] = []
  let metadata = ''
  const answer = async (url: string) => {
    const { acs, response, relayState } = await askPysaml2({
      key,
      metadata,
      url,
      nameId,
      attributes: { eduPersonAffiliation: ['engineers'] },
    })
    const SAMLResponse = Buffer.from(response).toString('base64')
    posted.push(new URLSearchParams({ SAMLResponse, RelayState: relayState }))
    return `<form method="post" action="${acs}"><input type="hidden" name="SAMLResponse" value="${SAMLResponse}">
<input type="hidden" name="RelayState" value="${relayState}"><button>Go on</button></form>`
  }
  const ca = await throwawayCa()
  const site = await startHttps(await ca.issue('127.0.0.1'), (request, response) => {
    response.setHeader('content-type', 'text/html')
    void answer(`${site.url}${request.url}`).then(
      (page) => response.end(page),
      (error: unknown) => response.writeHead(400).end(String(error)),
    )
  })
  t.teardown(site.close)
  const provider = (deps: ProviderDeps) => {
    const opened = openProvider(
      {
        name: 'corp-saml',
        kind: 'saml',
        entryPoint: `${site.url}/sso`,
        idpEntityId: ENTITY_ID,
        idpCertificatesFile,
        groupsAttribute: 'urn:oid:1.3.6.1.4.1.5923.1.1.1.1',
        claims: [],
      },
      deps,
    )
    metadata = (opened.kind === 'redirect' ? opened.metadata?.() : undefined) ?? ''
    return opened
  }
  return { provider, posted }
}
