import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import Database from 'better-sqlite3'
import { type InitOptions, initialise } from '../../gateway/init-os.ts'
import { adminCheck } from '../../gateway/keys/admin-secret.ts'
import { loadKeys } from '../../gateway/keys/key-store.ts'

function options(t: ExecutionContext): InitOptions {
  const dir = mkdtempSync(join(tmpdir(), 'zt-init-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  return {
    data: join(dir, 'data'),
    configFile: join(dir, 'zt.yaml'),
    configText: '# sample\n',
    organisation: 'Example, Inc. "+ü"',
    nowMs: Date.now(),
  }
}

async function made(t: ExecutionContext) {
  const asked = options(t)
  const result = await initialise(asked)
  if (!result.ok) throw new Error(result.error.message)
  return { ...asked, facts: result.value }
}

test('E9: init makes keys, store, secret and configuration that fit together', async (t) => {
  const { data, configFile, facts } = await made(t)
  t.true(loadKeys(join(data, 'keys')).ok)
  t.is(readFileSync(configFile, 'utf8'), '# sample\n')
  t.regex(facts.caSha256, /^[0-9a-f]{64}$/)
  const check = adminCheck(readFileSync(join(data, 'admin.hash'), 'utf8'))
  t.true(check.ok && (await check.value(facts.adminSecret)))
  t.is(statSync(data).mode & 0o777, 0o700)
  t.is(statSync(facts.recipientsSigner).mode & 0o777, 0o600)
})

test('the administrator secret is in no file', async (t) => {
  const { data, facts } = await made(t)
  for (const file of readdirSync(data, { recursive: true, encoding: 'utf8' })) {
    const path = join(data, file)
    if (statSync(path).isFile()) t.false(readFileSync(path, 'latin1').includes(facts.adminSecret))
  }
})

test('E9: init puts a configuration that belongs into the data directory there, with everything else or not at all', async (t) => {
  const asked = options(t)
  const inside = { ...asked, configFile: join(asked.data, 'etc', 'zt.yaml') }
  const result = await initialise(inside)
  t.true(result.ok)
  t.is(readFileSync(inside.configFile, 'utf8'), '# sample\n')
  t.true(existsSync(join(asked.data, 'etc', 'recipients-signer.key')))
  const again = await initialise(inside)
  t.is(again.ok ? 'made' : again.error.reason, 'exists')
})

test('E9: init knows its data directory however the configuration in it is named', async (t) => {
  const asked = options(t)
  const configFile = relative(process.cwd(), join(asked.data, 'zt.yaml'))
  t.true((await initialise({ ...asked, configFile })).ok)
  t.is(readFileSync(join(asked.data, 'zt.yaml'), 'utf8'), '# sample\n')
})

test('init fills an empty directory', async (t) => {
  const asked = options(t)
  mkdirSync(asked.data)
  t.true((await initialise(asked)).ok)
  t.is(statSync(asked.data).mode & 0o777, 0o700)
})

const inTheWay: Record<string, (asked: InitOptions) => string> = {
  'a data directory': ({ data }) => {
    mkdirSync(data)
    writeFileSync(join(data, 'precious'), 'x')
    return data
  },
  'a configuration': ({ configFile }) => {
    writeFileSync(configFile, 'precious')
    return configFile
  },
  'an offline key': ({ configFile }) => {
    const path = join(configFile, '..', 'recipients-signer.key')
    writeFileSync(path, 'precious')
    return path
  },
}
for (const [what, place] of Object.entries(inTheWay)) {
  test(`init refuses to overwrite ${what}, and leaves nothing behind`, async (t) => {
    const asked = options(t)
    const path = place(asked)
    const before = readdirSync(join(asked.data, '..'), { recursive: true })
    const result = await initialise(asked)
    if (result.ok) return t.fail('was overwritten')
    t.is(result.error.reason, 'exists')
    t.true(result.error.message.includes(path))
    t.deepEqual(readdirSync(join(asked.data, '..'), { recursive: true }), before)
  })
}

test('when a file cannot be written, nothing is left behind', async (t) => {
  const asked = options(t)
  const configFile = `${join(asked.configFile, '..', 'x'.repeat(300))}`
  await t.throwsAsync(initialise({ ...asked, configFile }), { code: 'ENAMETOOLONG' })
  t.deepEqual(readdirSync(join(asked.data, '..')), [])
  t.false(existsSync(asked.data))
})

/** First cells in backticks of the tables under each heading of the page. */
function documented(page: string): Map<string, string[][]> {
  const sections = new Map<string, string[][]>()
  let rows: string[][] = []
  for (const line of page.split('\n')) {
    const heading = /^#+ `?([^`]+)`?$/.exec(line)?.[1]
    if (heading !== undefined) {
      rows = []
      sections.set(heading, rows)
    }
    const cells = line.split('|').map((cell) => cell.trim())
    if (/^`.*`$/.test(cells[1] ?? ''))
      rows.push(cells.slice(1).map((cell) => cell.replaceAll('`', '')))
  }
  return sections
}

const PAGE = documented(readFileSync('docs/reference/storage.md', 'utf8'))

test('docs/reference/storage.md names every file and its mode', async (t) => {
  const { data } = await made(t)
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' })
    .filter((file) => file !== 'keys')
    .map((file) => [file, `0${(statSync(join(data, file)).mode & 0o777).toString(8)}`])
  const stated = (PAGE.get('Files') ?? []).map(([file, mode]) => [file, mode])
  t.deepEqual(stated.sort(), files.sort())
})

test('docs/reference/storage.md says of every table how long its rows stay', async (t) => {
  const { data } = await made(t)
  const db = new Database(join(data, 'zt.db'), { readonly: true })
  t.teardown(() => db.close())
  const tables = db
    .prepare<[], string>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    .pluck()
    .all()
  const stated = (PAGE.get('Lifetimes') ?? []).flatMap(([cell = '']) => cell.split(', '))
  t.deepEqual(stated.sort(), tables)
})

test('docs/reference/storage.md names every table and column', async (t) => {
  const { data } = await made(t)
  const db = new Database(join(data, 'zt.db'), { readonly: true })
  t.teardown(() => db.close())
  const names = (sql: string) => db.prepare<[], string>(sql).pluck().all()
  const tables = names(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
  )
  const stated = [...PAGE].filter(([heading]) => /^[a-z_]+$/.test(heading))
  t.deepEqual(stated.map(([heading]) => heading).sort(), tables)
  for (const [table, rows] of stated) {
    const columns = names(`SELECT name FROM pragma_table_info('${table}') ORDER BY cid`)
    t.deepEqual(
      rows.map(([column]) => column),
      columns,
      table,
    )
  }
})
