/**
 * The folder of sealed files and their manifests.
 */
import { createReadStream } from 'node:fs'
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  truncate,
} from 'node:fs/promises'
import { join } from 'node:path'
import { HEADER_LIMIT_BYTES, PREFIX_BYTES } from '#lib/seal/container-format'
import { type AppendEvents, AppendFile } from './append-file-store.ts'
import { InterruptedRecording, type Remains } from './interrupted-recording.ts'
import { manifestFileName, sessionOfFileName } from './recording-row.ts'

const ERASED_SUFFIX = '.erased'
/** No header is longer. */
const HEAD_LIMIT_BYTES = PREFIX_BYTES + HEADER_LIMIT_BYTES

export class RecordingFolder {
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
  }

  /** Makes the folder, mode 0700, unless it is there. */
  static async open(directory: string): Promise<RecordingFolder> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    return new RecordingFolder(directory)
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#directory)
    return bavail * bsize
  }

  create(file: string, events: AppendEvents): Promise<AppendFile> {
    return AppendFile.create(this.#path(file), events)
  }

  /** Names of sealed files. */
  async list(): Promise<readonly string[]> {
    const names = await readdir(this.#directory)
    return names.filter((name) => sessionOfFileName(name) !== undefined).sort()
  }

  /** Size and time of the last write. */
  async describe(file: string): Promise<{ sizeBytes: number; changedAtMs: number }> {
    const { size, mtimeMs } = await stat(this.#path(file))
    return { sizeBytes: size, changedAtMs: Math.floor(mtimeMs) }
  }

  /** Text of the side file, if there is one. */
  async readManifest(file: string): Promise<string | undefined> {
    try {
      return await readFile(this.#path(manifestFileName(file)), 'utf8')
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
      throw cause
    }
  }

  /** Writes the side file whole or not at all, and syncs it with its name. */
  writeManifest(file: string, text: string): Promise<void> {
    return this.#writeWhole(manifestFileName(file), text)
  }

  async #exists(path: string): Promise<boolean> {
    return (await stat(path).catch(() => undefined)) !== undefined
  }

  async #writeWhole(name: string, text: string): Promise<void> {
    const path = this.#path(name)
    const handle = await open(`${path}.new`, 'w', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(`${path}.new`, path)
    await this.#syncNames()
  }

  /**
   * Destroys the wrapped keys in the header: nobody opens the file from then on. One that is gone already is no error.
   * @throws {Error} when it cannot be overwritten.
   */
  async destroyKeys(file: string): Promise<void> {
    await this.#overwrite(file, async (handle) => {
      const { size } = await handle.stat()
      return Buffer.alloc(Math.min(size, HEAD_LIMIT_BYTES))
    })
  }

  /** Whether a file that is there can be written to: its first octet is put where it stands. */
  async canOverwrite(file: string): Promise<boolean> {
    const first = async (handle: FileHandle) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, 0)
      return buffer.subarray(0, bytesRead)
    }
    return await this.#overwrite(file, first).then(
      () => true,
      () => false,
    )
  }

  async #overwrite(file: string, head: (handle: FileHandle) => Promise<Buffer>): Promise<void> {
    const path = this.#path(file)
    if (!(await this.#exists(path))) return
    const handle = await open(path, 'r+')
    try {
      await handle.write(await head(handle), 0, undefined, 0)
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  /** Puts `statement` in the place of a file whose keys are destroyed. */
  async replace(file: string, statement: string): Promise<void> {
    await this.#writeWhole(`${file}${ERASED_SUFFIX}`, statement)
    await rm(this.#path(file), { force: true })
    await this.#syncNames()
  }

  /** Reads how far a file is whole. */
  async survey(file: string): Promise<Remains | undefined> {
    const recording = new InterruptedRecording()
    for await (const bytes of createReadStream(this.#path(file))) {
      if (!(await recording.push(bytes))) break
    }
    return recording.end()
  }

  /** Cuts a torn last piece off: without its tag nobody can ever open it. */
  async shorten(file: string, sizeBytes: number): Promise<void> {
    await truncate(this.#path(file), sizeBytes)
  }

  async #syncNames(): Promise<void> {
    const handle = await open(this.#directory, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  #path(file: string): string {
    return join(this.#directory, file)
  }
}
