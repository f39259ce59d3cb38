import test from 'ava'
import { readCertificates } from '../../../../gateway/identity/saml/certificates.ts'
import { idpKey } from '../../../support/saml-idp.ts'
import { throwawayCa } from '../../../support/throwaway-ca.ts'

test('A6: every certificate of a file is read', async (t) => {
  const [one, two] = [await idpKey(), await idpKey()]
  t.is(readCertificates(`# old\n${one.certPem}\n# new\r\n${two.certPem}`).length, 2)
})

test('A6: a key that is not accepted stops the start', async (t) => {
  const weak = await idpKey(1024)
  const { caPem } = await throwawayCa()
  t.throws(() => readCertificates(''), { message: /no certificate/ })
  t.throws(() => readCertificates(weak.certPem), { message: /2048 bits/ })
  t.throws(() => readCertificates(caPem), { message: /RSA/ })
  t.throws(() => readCertificates(weak.certPem.replace('MII', 'AAA')))
})
