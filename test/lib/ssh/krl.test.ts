import { readFileSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { type RevocationList, writeRevocationList } from '#lib/ssh/krl'
import { KeyFolder } from '../../support/ssh-keygen.ts'

const EMPTY: RevocationList = {
  version: 3n,
  generatedAtSeconds: 1_800_000_000,
  comment: 'zt',
  certificates: [],
  keys: [],
}

function folder(t: ExecutionContext): KeyFolder {
  const keys = new KeyFolder()
  t.teardown(() => keys.remove())
  for (const name of ['ca', 'other', 'user']) keys.makeKey(name, '-t', 'ed25519')
  return keys
}

/** Whether `ssh-keygen -Q` finds the certificate revoked. */
function isRevoked(keys: KeyFolder, list: RevocationList, ca: string, ...options: string[]) {
  keys.certify(ca, 'user', '-n', 'demo', ...options)
  const krl = keys.file('krl')
  writeKrl(keys, list)
  try {
    keys.keygen('-Q', '-f', krl, keys.file('user-cert.pub'))
    return false
  } catch (error) {
    return /REVOKED/.test(String((error as { stdout?: unknown }).stdout))
  }
}

function writeKrl(keys: KeyFolder, list: RevocationList): void {
  keys.write('krl', writeRevocationList(list))
}

test('S3 T23: ssh-keygen finds serials, key ids and authorities revoked, and nothing else', (t) => {
  const keys = folder(t)
  const certificates = [
    { authority: keys.blob('ca.pub'), serials: [9n, 2n ** 63n - 1n, 7n], keyIds: ['zt:eve:1'] },
  ]
  const list = { ...EMPTY, certificates }
  const good = ['-I', 'zt:ann:1', '-z', '8']
  t.true(isRevoked(keys, list, 'ca', '-I', 'zt:ann:1', '-z', '7'))
  t.true(isRevoked(keys, list, 'ca', '-I', 'zt:ann:1', '-z', String(2n ** 63n - 1n)))
  t.true(isRevoked(keys, list, 'ca', '-I', 'zt:eve:1', '-z', '8'))
  t.false(isRevoked(keys, list, 'ca', ...good))
  t.false(isRevoked(keys, list, 'other', '-I', 'zt:eve:1', '-z', '7'))
  t.true(isRevoked(keys, { ...list, keys: [keys.blob('ca.pub')] }, 'ca', ...good))
  t.false(isRevoked(keys, { ...list, keys: [keys.blob('ca.pub')] }, 'other', ...good))
})

test('S3: a list of nothing is a list, and says when it was made', (t) => {
  const keys = folder(t)
  t.false(isRevoked(keys, EMPTY, 'ca', '-I', 'a', '-z', '1'))
  const none = { authority: keys.blob('ca.pub'), serials: [], keyIds: [] }
  t.false(isRevoked(keys, { ...EMPTY, certificates: [none] }, 'ca', '-I', 'a', '-z', '1'))
  const listing = keys.keygen('-Q', '-l', '-f', keys.file('krl'))
  t.regex(listing, /KRL version 3/)
  t.regex(listing, /Generated at 20270115T/)
  t.is(readFileSync(keys.file('krl')).subarray(0, 6).toString(), 'SSHKRL')
})

test('S3: the serial 0 stands for no certificate', (t) => {
  const certificates = [{ authority: Buffer.alloc(4), serials: [0n], keyIds: [] }]
  t.throws(() => writeRevocationList({ ...EMPTY, certificates }), { instanceOf: RangeError })
})
