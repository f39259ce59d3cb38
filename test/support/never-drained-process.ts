/** The life of a gateway process around a gateway whose flows never end. */
import { decodeConfig } from '../../gateway/config.ts'
import { openLog } from '../../gateway/log-os.ts'
import { holdHangups, serve } from '../../gateway/run-os.ts'
import { configText } from './gateway-process.ts'

const config = decodeConfig(configText('  public_default: block'), '/nonexistent/zt.yaml')
if (!config.ok) throw new Error(JSON.stringify(config.error))
// Open flows keep a process alive.
setInterval(() => undefined, 60_000)
const gateway = {
  addresses: {},
  revision: 1,
  reload: async () => ({ revision: 1, cutFlows: 0 }),
  drain: () => new Promise<void>(() => undefined),
}
const running = {
  configFile: '/nonexistent/zt.yaml',
  first: config.value,
  log: openLog(),
  onHangup: holdHangups(),
}
process.exit(await serve(gateway, running))
