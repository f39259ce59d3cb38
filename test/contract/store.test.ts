import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openMemoryStore } from '../../gateway/store/memory-store.ts'
import { openSqliteStore } from '../../gateway/store/sqlite-store.ts'
import type { Store } from '../../gateway/store/store.ts'
import { storeContract } from './store-contract.ts'

const dir = mkdtempSync(join(tmpdir(), 'zt-store-'))
test.after.always(() => rmSync(dir, { recursive: true }))
let made = 0

function openSqlite(): Store {
  const opened = openSqliteStore({
    path: join(dir, `${made++}.db`),
    now: () => 0,
    onWriteError: (error) => {
      throw error
    },
  })
  if (!opened.ok) throw new Error(opened.error.message)
  return opened.value
}

storeContract(test, 'memory', openMemoryStore)
storeContract(test, 'sqlite', openSqlite)
