/**
 * What an idle session costs the recording hop in memory.
 */
import { type LabProcess, startProcess } from '../lab/child-process.ts'
import { WAY } from './ssh-bars.ts'
import type { Way } from './ssh-ways.ts'

function openIdle(way: Way): Promise<LabProcess> {
  return startProcess({
    argv: ['ssh', '-F', way.configFile, way.host, 'echo up; exec sleep 120'],
    logFile: '/dev/null',
    readyWhen: /^up/,
  })
}

/** Heap and buffers without garbage. Not the resident set: the system takes back more of it meanwhile than sessions need. */
async function memoryInUseKib(hop: LabProcess): Promise<number> {
  const said = hop.nextLine(/^in use/)
  hop.signal('SIGUSR2')
  return Number((await said).replace(/\D/g, '')) / 1024
}

/** KiB by which the recording hop grows with that many sessions open, per session. */
export async function idleMemory(ways: readonly Way[], idle: number): Promise<number> {
  const way = ways.find(({ name }) => name === WAY.hop)
  if (way?.hop === undefined) throw new Error('the hop is missing')
  const { hop } = way
  const sessions: LabProcess[] = []
  const open = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) sessions.push(await openIdle(way))
  }
  try {
    // The first sessions load code and tables that all of them share, and let the heap grow to its working size.
    await open(idle / 2)
    const before = await memoryInUseKib(hop)
    await open(idle)
    return ((await memoryInUseKib(hop)) - before) / idle
  } finally {
    for (const session of sessions) await session.stop()
  }
}
