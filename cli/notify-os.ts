/** Notifications of the desktop, through the installed notify-send (libnotify). */
import { spawn } from 'node:child_process'

/**
 * Shows one notification. Neither text can be taken for an option, nor for markup, which some desktops read in the body.
 * @returns false when there is no notify-send, or it failed: no desktop to show it on.
 */
export function notifyDesktop(summary: string, body: string): Promise<boolean> {
  return new Promise((resolve) => {
    const args = ['--app-name=zt', '--', summary, withoutMarkup(body)]
    const child = spawn('notify-send', args, { stdio: 'ignore' })
    child.on('error', () => resolve(false))
    child.on('exit', (code) => resolve(code === 0))
  })
}

function withoutMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
