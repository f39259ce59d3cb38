/**
 * What the documents say of commands, files and tests is held against the product.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...under('docs', '.md')]

const PROGRAMS: Readonly<Record<string, string>> = {
  zt: 'dist/cli/main.js',
  'zt-gateway': 'dist/gateway/main.js',
  'zt-daemon': 'dist/daemon/main.js',
}

/** Commands that have commands of their own: words of a whole command. */
const GROUPS: Readonly<Record<string, number>> = {
  recordings: 2,
  recipients: 2,
  users: 2,
  admin: 3,
}

function under(folder: string, suffix: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith(suffix)).map((name) => join(folder, name))
}

/** Command lines in indented or fenced blocks: `program subcommand… --options`. */
function commandsIn(text: string): string[] {
  const lines = text
    .split('\n')
    .filter((line) => /^( {4}|\s*\$ )(zt|zt-gateway|zt-daemon) /.test(line))
  return lines.map((line) =>
    (
      line
        .trim()
        .replace(/^\$ /, '')
        .split(/\s+#|\s+&$/)[0] ?? ''
    ).trim(),
  )
}

/** Words before the first option or upper-case placeholder: the subcommand. */
function subcommandOf(words: readonly string[]): string[] {
  const end = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word))
  return words.slice(0, end < 0 ? undefined : end)
}

const commands = new Set(DOCUMENTS.flatMap((file) => commandsIn(readFileSync(file, 'utf8'))))

test('documents show commands at all', (t) => t.true(commands.size > 10))

const helps = new Map<string, Promise<string>>()

/** What a command says of itself; each is asked once. @param command its words, the program first. */
function helpOf(command: readonly string[]): Promise<string> {
  const [program = '', ...words] = command
  const argv = [PROGRAMS[program] ?? '', ...words, '--help']
  const ask = async () => (await promisify(execFile)(process.execPath, argv)).stdout
  const help = helps.get(command.join(' ')) ?? ask()
  helps.set(command.join(' '), help)
  return help
}

for (const line of commands) {
  // One after the other: each starts a program of Node.
  test.serial(`a documented command is one: ${line}`, async (t) => {
    const [program = '', ...words] = line.split(/\s+/)
    const subcommand = subcommandOf(words)
    // "zt status" and "zt recordings play" as they stand; "zt ssh host" takes anything behind ssh.
    const path = GROUPS[subcommand[0] ?? ''] ?? 1
    const command = [program, ...subcommand.slice(0, path)]
    const help = await helpOf(command)
    t.true(help.includes(`Usage: ${command.join(' ')}`), help)
    for (const option of words.filter((word) => word.startsWith('--'))) {
      t.true(help.includes(option), `${option} is no option of: ${help}`)
    }
  })
}

for (const file of DOCUMENTS) {
  test(`links of ${file} lead somewhere`, (t) => {
    const links = [...readFileSync(file, 'utf8').matchAll(/\]\(([^)#:]+)\)/g)]
    for (const [, link = ''] of links) t.true(existsSync(join(dirname(file), link)), link)
    t.true(links.every(([, link]) => link !== ''))
  })
}

test('README.md sends the reader to each document once', (t) => {
  const links = [...readFileSync('README.md', 'utf8').matchAll(/\]\(([^)#:]+)\)/g)]
  const documents = links.map(([, link]) => link)
  t.deepEqual(documents, [...new Set(documents)])
})

test('ARCHITECTURE.md has a line for every folder of sources, and no other', (t) => {
  const table = readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^\| (`[a-z]+\/.*?`) \| /gm)
  const stated = [...table].flatMap(([, cell = '']) => cell.replaceAll('`', '').split(', '))
  const within = ['lib', 'daemon', 'gateway', 'scripts'].flatMap((program) =>
    readdirSync(program, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${program}/${name}`),
  )
  t.deepEqual(stated.sort(), [...within, 'cli/', 'test/'].sort())
})

const titles = under('test', '.test.ts')
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n')
const threats = readFileSync('docs/threat-model.md', 'utf8')
const cells = [...threats.matchAll(/\| (?:can|cannot) \| .* \| ([^|]+) \|$/gm)].map(
  ([, cell]) => cell ?? '',
)
const ids = new Set(
  cells.flatMap((cell) => cell.split(/[, ]+/)).filter((id) => /^[A-Z]\d+$/.test(id)),
)

test('the threat model names tests', (t) => t.true(ids.size > 10))

for (const id of ids) {
  test(`threat model: a test carries ${id}`, (t) => {
    t.regex(
      titles,
      new RegExp(`test[.a-z]*\\((?:\\s*)['\`][^'\`\\n]*\\b${id}\\b|'[^'\\n]*\\(${id}\\)[^'\\n]*'`),
    )
  })
}

test('every runtime dependency has its line in docs/dependencies.md', (t) => {
  const text = readFileSync('docs/dependencies.md', 'utf8')
  const { dependencies, optionalDependencies } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  ) as Record<string, Record<string, string>>
  for (const [name, version] of Object.entries({ ...dependencies, ...optionalDependencies })) {
    t.true(text.includes(name), name)
    t.regex(version, /^\d/, `${name} is not pinned exactly`)
  }
})
