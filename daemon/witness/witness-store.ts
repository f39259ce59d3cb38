/**
 * Keeps checkpoints of the gateway's audit log: `witness.jws`, one a line, oldest first; and what raised an alarm.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { WITNESS_ALARMS, type WitnessAlarm } from '#lib/audit/witness'
import { readStateFile, replaceStateFile } from '../state-file-os.ts'

/** Two statements of one gateway that cannot both be true: proof for an auditor. */
export type Contradiction = {
  readonly alarm: WitnessAlarm
  readonly atMs: number
  readonly held: string
  readonly offered: string
}

export interface WitnessStore {
  /** Checkpoints that are held, oldest first. */
  load(): readonly string[]
  save(checkpoints: readonly string[]): void
  contradiction(): Contradiction | undefined
  /** Kept until the device is enrolled anew. */
  keepContradiction(found: Contradiction): void
  forget(): void
}

const contradictionShape = z.strictObject({
  alarm: z.enum(WITNESS_ALARMS),
  atMs: z.number(),
  held: z.string(),
  offered: z.string(),
})

/** @param folder exists. */
export function witnessStoreIn(folder: string): WitnessStore {
  const file = join(folder, 'witness.jws')
  const alarmFile = join(folder, 'witness-alarm.json')
  return {
    load: () => (readStateFile(file) ?? '').split('\n').filter((line) => line !== ''),
    save: (checkpoints) => replaceStateFile(file, checkpoints.map((line) => `${line}\n`).join('')),
    contradiction() {
      const text = readStateFile(alarmFile)
      return text === undefined ? undefined : contradictionShape.parse(JSON.parse(text))
    },
    keepContradiction: (found) => replaceStateFile(alarmFile, `${JSON.stringify(found)}\n`),
    forget() {
      for (const path of [file, alarmFile]) rmSync(path, { force: true })
    },
  }
}
