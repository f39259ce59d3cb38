/**
 * `packaging/zt.service` under a systemd that runs: the steps as a table, exit 0 or 1. A signal ends everything, too.
 */
import { type Organisation, startOrganisation } from './organisation.ts'
import { networkOf, serviceSteps } from './service-steps.ts'
import { runSteps, stepLine } from './steps.ts'
import { type SystemdMachine, startSystemdMachine } from './systemd-machine.ts'

async function show(organisation: Organisation, machine: SystemdMachine): Promise<number> {
  const scene = { organisation, machine, untouched: await networkOf(machine) }
  const all = serviceSteps(scene)
  const results = await runSteps(all, (one) => process.stdout.write(`${stepLine(one)}\n`))
  if (results.every(({ passed }) => passed)) return 0
  process.stdout.write((await machine.run('tail', '-n', '30', '/var/log/zt.log')).stdout)
  return 1
}

async function main(): Promise<number> {
  const interrupted = new Promise<number>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(1))
  })
  const organisation = await startOrganisation('namespaces', { hasLaptop: true })
  try {
    await organisation.daemon.stop()
    const machine = await startSystemdMachine(organisation.lab)
    try {
      return await Promise.race([show(organisation, machine), interrupted])
    } finally {
      await machine.close()
    }
  } finally {
    await organisation.close()
  }
}

// After a signal a step may still wait.
process.exit(await main())
