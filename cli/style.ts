/**
 * How words are stressed. Texts are always styled; the shell that prints them takes the styles off
 * again where nobody sees them (terminal-text-os.ts), so that a text never depends on its surroundings.
 */
import pc from 'picocolors'

export const style = pc.createColors(true)
