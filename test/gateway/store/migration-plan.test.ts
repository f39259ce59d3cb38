import test from 'ava'
import {
  type AppliedMigration,
  MIGRATIONS,
  type Migration,
  migrationDigest,
  planMigrations,
} from '../../../gateway/store/migration-plan.ts'

const ONE: Migration = { number: 1, name: 'one', sql: 'CREATE TABLE one (id TEXT);' }
const TWO: Migration = { number: 2, name: 'two', sql: 'CREATE TABLE two (id TEXT);' }
const applied = (migration: Migration): AppliedMigration => ({
  number: migration.number,
  name: migration.name,
  sha256: migrationDigest(migration),
})

const plans: Record<string, [AppliedMigration[], Migration[]]> = {
  'an empty store needs all, in order': [[], [ONE, TWO]],
  'a store behind needs the rest': [[applied(ONE)], [TWO]],
  'a store up to date needs none': [[applied(ONE), applied(TWO)], []],
}
for (const [title, [history, wanted]] of Object.entries(plans)) {
  test(title, (t) => t.deepEqual(planMigrations([ONE, TWO], history), { ok: true, value: wanted }))
}

const refusals: Record<string, [Migration[], AppliedMigration[], string]> = {
  'a newer store': [[ONE], [applied(ONE), applied(TWO)], 'schema_newer'],
  'a changed checksum': [[ONE], [{ ...applied(ONE), sha256: '00' }], 'schema_differs'],
  'a gap in the history': [[ONE, TWO], [applied(TWO)], 'schema_differs'],
}
for (const [title, [known, history, reason]] of Object.entries(refusals)) {
  test(`refuses ${title}`, (t) =>
    t.like(planMigrations(known, history), { ok: false, error: { reason } }))
}

/** Released changes and their digests: a released change is never edited, only followed by another. */
const RELEASED: readonly string[] = [
  'b1ee43d9fe802735d82d8b8340d961284ae3ea6dd6f495b2a045f2396bc8ca0b',
  'b837ce4b4ac7ab2870975724b33c4624626a16374155eb9c60b209f590f7e38e',
  'fca314f7845874f821eb18aef15bddf1d20da925a0a1173a94cf0d73ddf0989f',
  'ca76505577aaf86c0cf795a44728580bbaa4963454ab48a7a33eef8f6c737eb1',
  '677953065063be6e12189c932ee0aefb5f02d7b2e9940d1c3aabcbf0bdc8cb8b',
  '95f71469b083b012a701289ef96e625386bccd44fafa551bd84bec9a09f8024a',
  '71975f137df7cd4e975d4dcf014ca0c453e71236b8cd6203228580be6322f433',
  '33f117f928120f16c612c9be3c5b4766c5eb46a4bfbfef63da577fb3ae24def5',
  'cce550d49f6e57c142c270b615db3411abc492da90e6fda591c1eb3a97124c09',
  '31281a9c59a068656eb5a802c553a8c8f78bf5139792b1ee46d9a92e9ef82821',
  'a123618eae7c87d2a9cd1e7d2294643801bf44860c296a4aa9c68894dfac1803',
  '0c78eabaae75126ca312ed7d7b478e9734b65da957a2c120e70a38e59138385d',
  '69476792b5dcc5ffa19c65ed77fc9a71bb255e843d9716fe9acc474aa1c2f429',
  '0de76256d15a8371ff078ae7d08eaec06f5270fea364d83716751efec677f97a',
  '94cc1491611c362d2aa2fc014a64d8d8573d974f7be9eb5672ab81a92db1db49',
  '0c07f6cf12888d09e718854ceb224e298049a7350410ce9c52a51a795d77c0f8',
  'c9413a9cf56fc8d03c6a92e2247d3a7a8faebefc02414d13d3b36fc6606791f7',
  'caa413899db1af9d80fc7c0679650bcbfe4114988e0cdfdce9c71e2d51fd6ae0',
  '26465f44a52aae4d3162c4ab7a00a32cb2e16001c8bbaad85b8dc85573ad2d96',
]
test('released changes are as they were released, and numbered without a gap', (t) => {
  t.deepEqual(MIGRATIONS.map(migrationDigest), RELEASED)
  t.deepEqual(
    MIGRATIONS.map(({ number }) => number),
    MIGRATIONS.map((_, index) => index + 1),
  )
})
