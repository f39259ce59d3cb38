/** Where the files of a user lie. */
import { homedir } from 'node:os'

/** The home folder; `/` where neither HOME nor the system names one, as in a container that is run with any uid. */
export function homeFolder(): string {
  try {
    return homedir()
  } catch {
    return '/'
  }
}
