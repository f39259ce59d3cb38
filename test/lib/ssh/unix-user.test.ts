import test from 'ava'
import fc from 'fast-check'
import { aliasFromEmail, parseUnixUser } from '#lib/ssh/unix-user'

const refused: Readonly<Record<string, string>> = {
  'two at signs': 'a@b@c',
  'no at sign': 'alice',
  'a letter beyond ASCII': 'älice@example.com',
  'a look-alike (Kelvin sign)': '\u212Aim@example.com',
  'upper case': 'Alice@example.com',
  'a trailing dot of the name': 'alice.@example.com',
  'a trailing dot of the domain': 'alice@example.com.',
  'a dollar sign': 'a$b@example.com',
  'a backslash': 'a\\b@example.com',
  'a newline': 'alice\n@example.com',
  'a newline at the end': 'alice@example.com\n',
  'a leading hyphen': '-alice@example.com',
  'a plus': 'alice+root@example.com',
  'a slash': 'a/b@example.com',
  'a leading digit': '1000@example.com',
  'the superuser': 'root@example.com',
  'nothing before it': '@example.com',
  'nothing behind it': 'alice@',
  '33 characters': `${'a'.repeat(33)}@example.com`,
}

for (const [title, email] of Object.entries(refused)) {
  test(`S4 T26: no user name comes of ${title}`, (t) => {
    t.deepEqual(aliasFromEmail(email), { ok: false, error: { reason: 'bad_unix_user' } })
  })
}

test('S4 T26: a plain local part is the user name', (t) => {
  t.like(aliasFromEmail('a.b-c_9@example.com'), { ok: true, value: 'a.b-c_9' })
  t.like(aliasFromEmail(`${'a'.repeat(32)}@example.com`), { ok: true })
})

test('S4 T26: whatever comes of an address is a user name and stands before its @', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.emailAddress()), (email) => {
        const alias = aliasFromEmail(email)
        return !alias.ok || (parseUnixUser(alias.value).ok && email.startsWith(`${alias.value}@`))
      }),
      { numRuns: 200 },
    ),
  )
})
